/* The tracepoint tier: needs type information and no kprobe. Checked on 6.1 and 6.18.
 *
 * What each mechanism does is in its header; here is only where it is attached. Per-call
 * tracepoints cost an unrelated system call next to nothing, raw_syscalls would cost every one.
 */
#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include "events.h"
#include "maps.h"
#include "task.h"
#include "emit.h"
#include "perf.h"
#include "prof.h"
#include "timers.h"
#include "access.h"
#include "process.h"
#include "snapshot.h"

char LICENSE[] SEC("license") = "GPL";

/* perf_event_open(attr, pid, cpu, group_fd, flags) */
SEC("tracepoint/syscalls/sys_enter_perf_event_open")
int perf_open_enter(struct pg_sys_enter *ctx)
{
	struct pg_call call = {.args = {ctx->args[1], ctx->args[2], ctx->args[4]}};
	int pid = ctx->args[1];

	if (pg_is_self())
		return 0;
	if (!(ctx->args[4] & PG_PID_CGROUP))
		call.target = pid ? (void *)pg_task_by_pid(pid) : pg_current();
	pg_call_begin(PG_EVENT_PERF, &call);
	return 0;
}

SEC("tracepoint/syscalls/sys_exit_perf_event_open")
int perf_open_exit(struct pg_sys_exit *ctx)
{
	struct perf_event *event = NULL;
	struct pg_call call;

	if (!pg_call_end(&call))
		return 0;
	if (ctx->ret >= 0)
		event = pg_perf_of_file((void *)pg_file_of_fd(ctx->ret));
	pg_perf_opened(&call, event, ctx->ret);
	if (event && pg_perf_is_on(event))
		pg_prof_group((__u64)event, PG_ACTION_ENABLE, PG_CAUSE_OPEN, 0);
	return 0;
}

/* ioctl(fd, cmd, arg) */
SEC("tracepoint/syscalls/sys_enter_ioctl")
int perf_ioctl_enter(struct pg_sys_enter *ctx)
{
	enum { TYPE = '$', ID = 7 };
	__u32 cmd = ctx->args[1];
	struct pg_call call = {.args = {ctx->args[0], cmd, ctx->args[2]}};
	struct perf_event *event;

	if ((cmd >> 8 & 0xff) != TYPE || (cmd & 0xff) == ID || pg_is_self())
		return 0;
	event = pg_perf_of_file((void *)pg_file_of_fd(ctx->args[0]));
	if (!event)
		return 0;
	call.event = event;
	call.state = BPF_CORE_READ(event, state);
	call.on = pg_perf_is_on(event);
	pg_call_begin(PG_EVENT_PERF_IOCTL, &call);
	return 0;
}

SEC("tracepoint/syscalls/sys_exit_ioctl")
int perf_ioctl_exit(struct pg_sys_exit *ctx)
{
	enum { REFRESH = 2 };
	struct pg_call call;
	__u32 flags;
	bool on;

	if (!pg_call_end(&call))
		return 0;
	pg_perf_ioctled(&call, ctx->ret);
	on = pg_perf_is_on(call.event);
	if (on == call.on)
		return 0;
	flags = (call.args[1] & 0xff) == REFRESH ? PG_PROF_REFRESH : 0;
	pg_prof_group((__u64)call.event, on ? PG_ACTION_ENABLE : PG_ACTION_DISABLE, PG_CAUSE_IOCTL,
		      flags);
	return 0;
}

/* prctl(option): switches all events that the calling thread opened. */
SEC("tracepoint/syscalls/sys_enter_prctl")
int perf_prctl_enter(struct pg_sys_enter *ctx)
{
	enum { DISABLE = 31, ENABLE = 32 };
	struct pg_call call = {.args = {ctx->args[0]}};

	if ((ctx->args[0] == DISABLE || ctx->args[0] == ENABLE) && !pg_is_self())
		pg_call_begin(PG_EVENT_PROF, &call);
	return 0;
}

SEC("tracepoint/syscalls/sys_exit_prctl")
int perf_prctl_exit(struct pg_sys_exit *ctx)
{
	struct pg_call call;

	if (pg_call_end(&call) && !ctx->ret)
		pg_prof_owned(pg_current(), call.args[0] & 1 ? PG_ACTION_DISABLE : PG_ACTION_ENABLE);
	return 0;
}

/* close(fd): the end of an event that nothing else holds. */
SEC("tracepoint/syscalls/sys_enter_close")
int perf_close_enter(struct pg_sys_enter *ctx)
{
	struct file *file = (void *)pg_file_of_fd(ctx->args[0]);
	struct perf_event *event = pg_perf_of_file(file);

	if (event && pg_file_is_last(file) && pg_perf_is_on(event) && !pg_is_self())
		pg_prof_group((__u64)event, PG_ACTION_DISABLE, PG_CAUSE_CLOSE, 0);
	return 0;
}

SEC("tp_btf/itimer_state")
int BPF_PROG(itimer_set, int which, struct itimerspec64 *value)
{
	return pg_is_self() ? 0 : pg_itimer_set(which, value);
}

/* timer_create(clock, sigevent, timer_id) */
SEC("tracepoint/syscalls/sys_enter_timer_create")
int timer_create_enter(struct pg_sys_enter *ctx)
{
	struct pg_call call = {.args = {ctx->args[0], ctx->args[1], ctx->args[2]}};

	if (!pg_is_self())
		pg_call_begin(PG_EVENT_TIMER_CREATE, &call);
	return 0;
}

SEC("tracepoint/syscalls/sys_exit_timer_create")
int timer_create_exit(struct pg_sys_exit *ctx)
{
	struct pg_call call;

	return pg_call_end(&call) ? pg_timer_created(&call, ctx->ret) : 0;
}

/* timer_settime(id, flags, new, old) */
SEC("tracepoint/syscalls/sys_enter_timer_settime")
int timer_settime_enter(struct pg_sys_enter *ctx)
{
	struct pg_call call = {.args = {ctx->args[0], ctx->args[2]}};

	if (!pg_is_self())
		pg_call_begin(PG_EVENT_PROF, &call);
	return 0;
}

SEC("tracepoint/syscalls/sys_exit_timer_settime")
int timer_settime_exit(struct pg_sys_exit *ctx)
{
	struct pg_call call;

	return pg_call_end(&call) && !ctx->ret ? pg_timer_set(call.args[0], (void *)call.args[1]) : 0;
}

/* timer_delete(id) */
SEC("tracepoint/syscalls/sys_enter_timer_delete")
int timer_delete_enter(struct pg_sys_enter *ctx)
{
	return pg_is_self() ? 0 : pg_timer_set(ctx->args[0], NULL);
}

/* ptrace(request, pid, addr, data) */
SEC("tracepoint/syscalls/sys_enter_ptrace")
int ptrace_enter(struct pg_sys_enter *ctx)
{
	struct pg_call call = {.args = {ctx->args[0], ctx->args[1]}};

	if (!pg_ptrace_begins_or_ends(ctx->args[0]) || pg_is_self())
		return 0;
	call.target = (void *)pg_task_by_pid(ctx->args[1]);
	pg_call_begin(PG_EVENT_PTRACE, &call);
	return 0;
}

SEC("tracepoint/syscalls/sys_exit_ptrace")
int ptrace_exit(struct pg_sys_exit *ctx)
{
	struct pg_call call;

	return pg_call_end(&call) ? pg_ptraced(&call, ctx->ret) : 0;
}

/* process_vm_readv(pid, local, nr_local, remote, nr_remote, flags), and _writev the same */
static __always_inline int memory_enter(__u32 event, struct pg_sys_enter *ctx)
{
	struct pg_call call = {.args = {ctx->args[0], ctx->args[4], ctx->args[5]}};

	if (pg_is_self())
		return 0;
	call.target = (void *)pg_task_by_pid(ctx->args[0]);
	pg_call_begin(event, &call);
	return 0;
}

static __always_inline int memory_exit(__u32 event, struct pg_sys_exit *ctx)
{
	struct pg_call call;

	return pg_call_end(&call) ? pg_memory_copied(event, &call, ctx->ret) : 0;
}

SEC("tracepoint/syscalls/sys_enter_process_vm_readv")
int vm_readv_enter(struct pg_sys_enter *ctx)
{
	return memory_enter(PG_EVENT_PROCESS_VM_READV, ctx);
}

SEC("tracepoint/syscalls/sys_exit_process_vm_readv")
int vm_readv_exit(struct pg_sys_exit *ctx)
{
	return memory_exit(PG_EVENT_PROCESS_VM_READV, ctx);
}

SEC("tracepoint/syscalls/sys_enter_process_vm_writev")
int vm_writev_enter(struct pg_sys_enter *ctx)
{
	return memory_enter(PG_EVENT_PROCESS_VM_WRITEV, ctx);
}

SEC("tracepoint/syscalls/sys_exit_process_vm_writev")
int vm_writev_exit(struct pg_sys_exit *ctx)
{
	return memory_exit(PG_EVENT_PROCESS_VM_WRITEV, ctx);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(process_exec, struct task_struct *task, int old_pid, struct linux_binprm *binprm)
{
	pg_process_exec(task, binprm);
	return pg_prof_task(task, PG_CAUSE_EXEC);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(process_fork, struct task_struct *parent, struct task_struct *child)
{
	if (BPF_CORE_READ(child, tgid) != BPF_CORE_READ(child, pid))
		return 0; /* a thread: its process is known already */
	pg_process_fork(parent, child);
	return pg_prof_task(child, PG_CAUSE_FORK);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(process_exit, struct task_struct *task)
{
	__u64 thread = bpf_get_current_pid_tgid();

	bpf_map_delete_elem(&calls, &thread);
	pg_prof_exit(task);
	return pg_process_exit(task);
}

/* Run once at start, not attached. */
SEC("iter/task_file")
int snapshot_files(struct bpf_iter__task_file *ctx)
{
	struct file *file = ctx->file;
	struct task_struct *task = ctx->task;

	return file && task ? pg_snapshot_file(ctx->meta->seq, task, file) : 0;
}

SEC("iter/task")
int snapshot_tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;

	if (!task)
		return 0;
	if (BPF_CORE_READ(task, pid) == BPF_CORE_READ(task, tgid)) {
		pg_snapshot_itimer(ctx->meta->seq, task, 0);
		pg_snapshot_itimer(ctx->meta->seq, task, 1);
	}
	return pg_snapshot_traced(ctx->meta->seq, task);
}
