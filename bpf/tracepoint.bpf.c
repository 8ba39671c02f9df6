/* The tracepoint tier: needs no kprobe, and for system calls no type information either. */
enum { PG_TIER = 1 };
#include "probe.h"
_Static_assert(PG_TIER == PG_TIER_TRACEPOINT, "tier");

#include "tracepoints.h"
#include "open_calls.h"

#ifndef PG_BCC /* of what follows, the arguments are known by type information */
#include "settings.h"
#include "snapshot.h"

SEC("cgroup/sysctl")
int sysctl__write(struct bpf_sysctl *ctx)
{
	return pg_sysctl(ctx);
}

SEC("tp_btf/itimer_state")
int BPF_PROG(itimer__set, int which, struct itimerspec64 *value)
{
	return pg_itimer_set(which, value);
}

SEC("tp_btf/signal_generate")
int BPF_PROG(signal__sent, int signal, struct kernel_siginfo *info, struct task_struct *target,
	     int to_group, int result)
{
	struct task_struct *receiver = (void *)pg_number((__u64)target);

	return result ? 0 : pg_runtime_signalled(signal, info, receiver);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(exec__leave, struct task_struct *task, int old_pid, struct linux_binprm *binprm)
{
	pg_process_exec(task, binprm);
	pg_environ();
	return pg_prof_task(task, PG_CAUSE_EXEC);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(fork__made, struct task_struct *parent, struct task_struct *child)
{
	if (pg_process_fork(parent, child))
		pg_prof_task(child, PG_CAUSE_FORK);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(exit__leave, struct task_struct *task)
{
	pg_call_abandon();
	return pg_prof_exited(task);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(process_exit__leave, struct task_struct *task)
{
	return pg_process_exit(task, PG_READ(task, signal, live.counter) == 0);
}

/* Run once at start, not attached. */
SEC("iter/task_file")
int snapshot_files__read(struct bpf_iter__task_file *ctx)
{
	struct file *file = ctx->file;
	struct task_struct *task = ctx->task;

	return file && task ? pg_snapshot_file(ctx->meta->seq, task, file) : 0;
}

SEC("iter/task")
int snapshot_tasks__read(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;

	if (!task)
		return 0;
	if (PG_READ(task, pid) == PG_READ(task, tgid)) {
		pg_snapshot_itimer(ctx->meta->seq, task, 0);
		pg_snapshot_itimer(ctx->meta->seq, task, 1);
	}
	return pg_snapshot_traced(ctx->meta->seq, task);
}

#endif
