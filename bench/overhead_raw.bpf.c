/* What overhead.py compares the tracepoint tier with: its same probes, but system calls come from the
 * two tracepoints that all of them pass. It knows the numbers of x86-64, and is no sensor for use.
 */
#define PG_ON_TRACEPOINT_H
#define PG_CALL_ENTRY(probe, call) static __noinline int probe##_entered(const __u64 *args)
#define PG_CALL_RETURN(probe, call) static __noinline int probe##_returned(long ret)

#include "tracepoint.bpf.c"

enum {
	CLOSE = 3, IOCTL = 16, PTRACE = 101, PRCTL = 157, TIMER_CREATE = 222, TIMER_SETTIME = 223,
	TIMER_DELETE = 226, PERF_EVENT_OPEN = 298, VM_READV = 310, VM_WRITEV = 311,
};

struct pg_raw {
	__u64 args[2];
};

/* The arguments, and the number behind them. */
struct pg_raw_registers {
	unsigned long bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, number;
};

static __always_inline void pg_raw_read(struct pg_raw_registers *out, __u64 regs)
{
	struct pt_regs *at = (void *)regs;

	bpf_probe_read_kernel(out, sizeof(*out), (void *)at + bpf_core_field_offset(at->bp));
}

SEC("raw_tp/sys_enter")
int calls__enter(struct pg_raw *ctx)
{
	struct pg_raw_registers from;
	__u64 args[6];

	switch (ctx->args[1]) {
	case CLOSE: case IOCTL: case PTRACE: case PRCTL: case TIMER_CREATE: case TIMER_SETTIME:
	case TIMER_DELETE: case PERF_EVENT_OPEN: case VM_READV: case VM_WRITEV:
		break;
	default:
		return 0;
	}
	pg_raw_read(&from, ctx->args[0]);
	args[0] = from.di, args[1] = from.si, args[2] = from.dx;
	args[3] = from.r10, args[4] = from.r8, args[5] = from.r9;
	switch (ctx->args[1]) {
	case CLOSE: return perf_close_entered(args);
	case IOCTL: return perf_ioctl_entered(args);
	case PTRACE: return ptrace_entered(args);
	case PRCTL: return perf_prctl_entered(args);
	case TIMER_CREATE: return timer_create_entered(args);
	case TIMER_SETTIME: return timer_settime_entered(args);
	case TIMER_DELETE: return timer_delete_entered(args);
	case PERF_EVENT_OPEN: return perf_open_entered(args);
	case VM_READV: return vm_readv_entered(args);
	case VM_WRITEV: return vm_writev_entered(args);
	}
	return 0;
}

SEC("raw_tp/sys_exit")
int calls__leave(struct pg_raw *ctx)
{
	long ret = ctx->args[1];
	struct pg_raw_registers from;

	pg_raw_read(&from, ctx->args[0]);
	switch (from.number) {
	case IOCTL: return perf_ioctl_returned(ret);
	case PTRACE: return ptrace_returned(ret);
	case PRCTL: return perf_prctl_returned(ret);
	case TIMER_CREATE: return timer_create_returned(ret);
	case TIMER_SETTIME: return timer_settime_returned(ret);
	case PERF_EVENT_OPEN: return perf_open_returned(ret);
	case VM_READV: return vm_readv_returned(ret);
	case VM_WRITEV: return vm_writev_returned(ret);
	}
	return 0;
}
