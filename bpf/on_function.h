/* System calls by the functions that carry them out, one for each ABI: so the 32-bit entry is seen.
 * A tier has defined PG_ENTRY and PG_RETURN before.
 */
#ifndef PG_ON_FUNCTION_H
#define PG_ON_FUNCTION_H

/* The six arguments, out of the registers of the caller, in one read. */
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

static __always_inline void pg_args_ia32(__u64 *args, const struct pt_regs *regs)
{
	struct pg_registers all = pg_registers(regs);

	args[0] = (__u32)all.bx, args[1] = (__u32)all.cx, args[2] = (__u32)all.dx;
	args[3] = (__u32)all.si, args[4] = (__u32)all.di, args[5] = (__u32)all.bp;
}

#define PG_CALL_ABIS(PG_ABI, probe, call)                                                    \
	PG_ABI(probe, x64, __x64_sys_##call, pg_args_x64)                                    \
	PG_ABI(probe, ia32, __ia32_sys_##call, pg_args_ia32)                                 \
	PG_ABI(probe, compat, __ia32_compat_sys_##call, pg_args_ia32)

#elif defined(__TARGET_ARCH_arm64)
static __always_inline void pg_args_arm64(__u64 *args, const struct pt_regs *regs)
{
	bpf_probe_read_kernel(args, 6 * sizeof(*args), regs); /* regs[0] to regs[5] come first */
}

#define PG_CALL_ABIS(PG_ABI, probe, call)                                                    \
	PG_ABI(probe, arm64, __arm64_sys_##call, pg_args_arm64)                              \
	PG_ABI(probe, compat, __arm64_compat_sys_##call, pg_args_arm64)
#endif

#define PG_ENTRY_OF_ABI(probe, abi, function, read_args)                                     \
	PG_ENTRY(probe, enter__##abi, function, const struct pt_regs *regs)                  \
	{                                                                                    \
		__u64 args[6] = {};                                                          \
                                                                                             \
		read_args(args, regs);                                                       \
		return probe##_entered(args);                                                \
	}

#define PG_RETURN_OF_ABI(probe, abi, function, read_args)                                    \
	PG_RETURN(probe, leave__##abi, function, 1, long ret)                                \
	{                                                                                    \
		return probe##_returned(ret);                                                \
	}

#define PG_CALL_ENTRY(probe, call)                                                           \
	static __always_inline int probe##_entered(const __u64 *args);                       \
	PG_CALL_ABIS(PG_ENTRY_OF_ABI, probe, call)                                           \
	static __always_inline int probe##_entered(const __u64 *args)

#define PG_CALL_RETURN(probe, call)                                                          \
	static __always_inline int probe##_returned(long ret);                               \
	PG_CALL_ABIS(PG_RETURN_OF_ABI, probe, call)                                          \
	static __always_inline int probe##_returned(long ret)

#endif
