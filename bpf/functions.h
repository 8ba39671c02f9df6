/* The function tiers: what fentry and kprobe programs are attached to. An unrelated system call does
 * not come here, and no way around a system call's tracepoint leads past.
 */
#include "on_function.h"
#include "syscalls.h"

PG_ENTRY(perf_open, made, security_perf_event_alloc, struct perf_event *event)
{
	return pg_perf_open_made(event);
}

PG_ENTRY(perf_ioctl, enter, _perf_ioctl, struct perf_event *event, unsigned int cmd,
	 unsigned long arg)
{
	return pg_perf_ioctl_begin(event, cmd, arg);
}

PG_RETURN(perf_ioctl, leave, _perf_ioctl, 3, long ret)
{
	return pg_perf_ioctl_end(ret);
}

PG_RETURN(perf_prctl, enable, perf_event_task_enable, 0, int ret)
{
	return pg_is_self() ? 0 : pg_prof_owned(pg_current(), PG_ACTION_ENABLE);
}

PG_RETURN(perf_prctl, disable, perf_event_task_disable, 0, int ret)
{
	return pg_is_self() ? 0 : pg_prof_owned(pg_current(), PG_ACTION_DISABLE);
}

PG_ENTRY(perf_close, release, perf_release, struct inode *inode, struct file *file)
{
	return pg_perf_released(file);
}

/* It does not return: a return probe of it never fires. */
PG_ENTRY(exit, enter, do_exit, long code)
{
	pg_call_abandon();
	return pg_prof_task(pg_current(), PG_CAUSE_EXIT);
}

PG_ENTRY(timer_create, enter, do_timer_create, int clock, struct pg_sigevent *event, void *id)
{
	struct pg_sigevent read = {.signo = -1, .notify = -1};

	if (event)
		bpf_probe_read_kernel(&read, sizeof(read), event);
	return pg_timer_create_begin(clock, &read, id);
}

PG_RETURN(timer_create, leave, do_timer_create, 3, int ret)
{
	return pg_timer_create_end(ret);
}

PG_ENTRY(timer_settime, enter, posix_cpu_timer_set, struct k_itimer *timer, int flags,
	 struct itimerspec64 *to)
{
	return pg_cpu_timer_set_begin(timer, to);
}

PG_RETURN(timer_settime, leave, posix_cpu_timer_set, 4, int ret)
{
	return pg_cpu_timer_set_end(ret);
}

PG_ENTRY(unix_connect, asked, security_unix_stream_connect, struct sock *sock, struct sock *other)
{
	return pg_connect_asked(other);
}

PG_ENTRY(opens, mem, mem_open, struct inode *inode, struct file *file)
{
	return pg_mem_open_begin(inode, file);
}

PG_RETURN(opens, mem_end, mem_open, 2, int ret)
{
	return pg_mem_open_end(ret);
}

/* Each placer of a uprobe comes here; perf events and links are told by their own calls. */
PG_ENTRY(uprobe_enable, enter__since, uprobe_register, struct inode *inode, __s64 offset,
	 __s64 ref_ctr_offset, struct uprobe_consumer *consumer)
{
	return pg_uprobe_register_is_whole() ? pg_uprobe_begin(inode, offset, consumer) : 0;
}

PG_RETURN(uprobe_enable, leave__since, uprobe_register, 4, long ret)
{
	return pg_uprobe_register_is_whole() ? pg_uprobe_end(ret) : 0;
}

PG_ENTRY(uprobe_enable, enter__before, __uprobe_register, struct inode *inode, __s64 offset,
	 __s64 ref_ctr_offset, struct uprobe_consumer *consumer)
{
	return pg_uprobe_begin(inode, offset, consumer);
}

PG_RETURN(uprobe_enable, leave__before, __uprobe_register, 4, int ret)
{
	return pg_uprobe_end(ret);
}

PG_ENTRY(kprobe_enable, enter, enable_kprobe, struct kprobe *kprobe)
{
	return pg_probe_begin(pg_kprobe_of_tracefs(kprobe));
}

PG_RETURN(kprobe_enable, leave, enable_kprobe, 1, int ret)
{
	return pg_kprobe_end(ret);
}
