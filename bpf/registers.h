/* The arguments of a system call, as its caller's registers have them. */
#ifndef PG_REGISTERS_H
#define PG_REGISTERS_H

/* All six in one read; native: those of a call that its tracepoint sees. */
#if defined(__TARGET_ARCH_x86)
struct pg_registers { /* a part of struct pt_regs that has always been so, from bp on */
	__u64 bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di;
};

static __always_inline struct pg_registers pg_registers(const struct pt_regs *regs)
{
	struct pg_registers all = {};

	bpf_probe_read_kernel(&all, sizeof(all), (void *)regs + bpf_core_field_offset(struct pt_regs, bp));
	return all;
}

static __always_inline void pg_args_x64(__u64 *args, const struct pt_regs *regs)
{
	struct pg_registers all = pg_registers(regs);

	args[0] = all.di, args[1] = all.si, args[2] = all.dx;
	args[3] = all.r10, args[4] = all.r8, args[5] = all.r9;
}
#define pg_args_native pg_args_x64

static __always_inline void pg_args_ia32(__u64 *args, const struct pt_regs *regs)
{
	struct pg_registers all = pg_registers(regs);

	args[0] = (__u32)all.bx, args[1] = (__u32)all.cx, args[2] = (__u32)all.dx;
	args[3] = (__u32)all.si, args[4] = (__u32)all.di, args[5] = (__u32)all.bp;
}

#elif defined(__TARGET_ARCH_arm64)
static __always_inline void pg_args_arm64(__u64 *args, const struct pt_regs *regs)
{
	bpf_probe_read_kernel(args, 6 * sizeof(*args), regs); /* regs[0] to regs[5] come first */
}
#define pg_args_native pg_args_arm64 /* the first of which, at the end of a call, is the result */
#endif

#endif
