/* The kprobe tier: breakpoints at functions of the kernel, on kernels without trampolines. */
enum { PG_TIER = 3 };
#include "probe.h"
_Static_assert(PG_TIER == PG_TIER_KPROBE, "tier");

#define PG_ENTRY(probe, role, function, parameters...)                                       \
	SEC("kprobe/" #function)                                                             \
	int BPF_KPROBE(probe##__##role, parameters)

#define PG_RETURN(probe, role, function, nr_parameters, result)                              \
	SEC("kretprobe/" #function)                                                          \
	int BPF_KRETPROBE(probe##__##role, result)

#include "functions.h"
#include "open_calls.h"

PG_ENTRY(exec, enter, bprm_execve, struct linux_binprm *binprm)
{
	struct pg_call call = {.args = {(__u64)binprm}};

	pg_call_begin(PG_EVENT_SCHED_PROCESS_EXEC, &call);
	return 0;
}

PG_RETURN(exec, leave, bprm_execve, 1, int ret)
{
	struct pg_call call;

	if (!pg_call_end(PG_EVENT_SCHED_PROCESS_EXEC, &call) || ret)
		return 0;
	pg_process_exec(pg_current(), (void *)call.args[0]);
	pg_environ();
	return pg_prof_task(pg_current(), PG_CAUSE_EXEC);
}

PG_ENTRY(fork, wake, wake_up_new_task, struct task_struct *child)
{
	if (pg_process_fork(pg_current(), child))
		pg_prof_task(child, PG_CAUSE_FORK);
	return 0;
}

/* In do_exit, when it is known which thread is the last. */
PG_ENTRY(process_exit, leave, taskstats_exit, struct task_struct *task, int is_last)
{
	return pg_process_exit(task, is_last);
}

/* The sender had the right to. Whether the target ignores it is not known here. */
PG_ENTRY(signal, sent, do_send_sig_info, int signal, struct kernel_siginfo *info,
	 struct task_struct *target)
{
	return pg_runtime_signalled(signal, info, target);
}

PG_ENTRY(mmap, asked, vm_mmap_pgoff, struct file *file, unsigned long addr, unsigned long size,
	 unsigned long prot)
{
	return file ? pg_library_asked(file, size, prot, 0) : 0;
}

PG_ENTRY(itimer, set, do_setitimer, int which, struct itimerspec64 *value)
{
	return pg_itimer_set(which, value);
}
