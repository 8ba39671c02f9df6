/* The LSM tier: security hooks name the kernel's own object, where a descriptor or a pid would have to
 * be looked up. They come before the deed, so its result is told by the system call's tracepoint.
 */
enum { PG_TIER = 4 };
#include "probe.h"
_Static_assert(PG_TIER == PG_TIER_LSM, "tier");

#include "on_tracepoint.h"

PG_CALL_ENTRY(perf_open, perf_event_open)
{
	return pg_perf_open_begin(args);
}

SEC("lsm/perf_event_alloc")
int BPF_PROG(perf_open__made, struct perf_event *event)
{
	return pg_perf_open_made(event);
}

PG_CALL_RETURN(perf_open, perf_event_open)
{
	return pg_perf_open_end(ret);
}

PG_CALL_ENTRY(perf_ioctl, ioctl)
{
	return pg_ioctl_expect(args);
}

SEC("lsm/file_ioctl")
int BPF_PROG(perf_ioctl__asked, struct file *file, unsigned int cmd, unsigned long arg)
{
	return pg_ioctl_asked(file);
}

PG_CALL_RETURN(perf_ioctl, ioctl)
{
	return pg_perf_ioctl_end(ret);
}

PG_CALL_ENTRY(ptrace, ptrace)
{
	return pg_ptrace_begin(args);
}

SEC("lsm/ptrace_access_check")
int BPF_PROG(ptrace__asked, struct task_struct *target, unsigned int mode)
{
	return pg_ptrace_asked(target);
}

SEC("lsm/unix_stream_connect")
int BPF_PROG(unix_connect__asked, struct sock *sock, struct sock *other, struct sock *accepted)
{
	return pg_connect_asked(other);
}

PG_CALL_RETURN(ptrace, ptrace)
{
	return pg_ptrace_end(ret);
}
