/* What no function of the kernel has to be known for: system calls by their tracepoints. They miss the
 * 32-bit entry.
 */
#include "on_tracepoint.h"
#include "syscalls.h"

PG_CALL_ENTRY(perf_ioctl, ioctl)
{
	return pg_ioctl_begin(args);
}

PG_CALL_RETURN(perf_ioctl, ioctl)
{
	return pg_perf_ioctl_end(ret);
}

PG_CALL_ENTRY(perf_prctl, prctl)
{
	return pg_prctl_begin(args);
}

PG_CALL_RETURN(perf_prctl, prctl)
{
	return pg_prctl_end(ret);
}

PG_CALL_ENTRY(perf_close, close)
{
	return pg_perf_close_fd(args);
}

PG_CALL_ENTRY(timer_create, timer_create)
{
	struct pg_sigevent event = {.signo = -1, .notify = -1};

	if (args[1])
		bpf_probe_read_user(&event, sizeof(event), (void *)args[1]);
	return pg_timer_create_begin(args[0], &event, (void *)args[2]);
}

PG_CALL_RETURN(timer_create, timer_create)
{
	return pg_timer_create_end(ret);
}

PG_CALL_ENTRY(timer_settime, timer_settime)
{
	return pg_timer_settime_begin(args);
}

PG_CALL_RETURN(timer_settime, timer_settime)
{
	return pg_timer_settime_end(ret);
}

PG_CALL_ENTRY(mmap, mmap)
{
	return pg_mmap_begin(args);
}

PG_CALL_ENTRY(unix_connect, connect)
{
	return pg_connect_begin(args);
}

PG_CALL_RETURN(unix_connect, connect)
{
	return pg_connect_end(ret);
}
