/* One process reads, writes or controls another: ptrace(2), process_vm_readv(2) and _writev(2). */
#ifndef PG_ACCESS_H
#define PG_ACCESS_H

enum { PG_TRACEME = 0, PG_ATTACH = 16, PG_DETACH = 17, PG_SEIZE = 0x4206 };

static __always_inline bool pg_ptrace_begins_or_ends(__u64 request)
{
	return request == PG_TRACEME || request == PG_ATTACH || request == PG_DETACH ||
	       request == PG_SEIZE;
}

/* ptrace(request, pid, addr, data) */
static __always_inline int pg_ptrace_begin(const __u64 *args)
{
	struct pg_call call = {.args = {args[0], args[1]}};

	if (!pg_ptrace_begins_or_ends(args[0]) || pg_is_self())
		return 0;
	call.target = (void *)pg_task_by_pid(args[1]);
	pg_call_begin(PG_EVENT_PTRACE, &call);
	return 0;
}

/* The kernel asks whether the call may do that to this task: no question of which one a pid means. */
static __always_inline int pg_ptrace_asked(struct task_struct *target)
{
	struct pg_call *call = pg_call_now(PG_EVENT_PTRACE);

	if (call && call->args[0] != PG_TRACEME)
		call->target = target;
	return 0;
}

static __always_inline int pg_ptrace_end(__s64 ret)
{
	struct task_struct *tracer = pg_current(), *traced;
	struct pg_ptrace *out;
	struct pg_call call;

	if (!pg_call_end(PG_EVENT_PTRACE, &call))
		return 0;
	traced = call.target;
	if (call.args[0] == PG_TRACEME) {
		traced = tracer;
		tracer = PG_READ(traced, real_parent);
	}
	/* What begins or ends a session is always told. */
	if (ret && !pg_is_among(&pg_config.ptrace_requests, call.args[0]))
		return 0;
	if (call.args[0] != PG_DETACH && pg_is_quiet(traced))
		return 0;
	if (!pg_is_wanted(PG_EVENT_PTRACE) ||
	    pg_is_folded(PG_EVENT_PTRACE, (__u64)traced, call.args[0]))
		return 0;
	out = PG_RESERVE(pg_ptrace, PG_EVENT_PTRACE, !ret && call.args[0] != PG_DETACH);
	if (!out)
		return 0;
	pg_task_fill(&out->process, tracer);
	if (traced)
		pg_task_fill(&out->target, traced);
	out->request = call.args[0];
	out->pid = call.args[1];
	out->ret = ret;
	pg_submit(out);
	return 0;
}

/* Both have the same arguments and records, and differ in the event's number. */
_Static_assert(sizeof(struct pg_process_vm_readv) == sizeof(struct pg_process_vm_writev), "vm");

/* process_vm_readv(pid, local, nr_local, remote, nr_remote, flags), and _writev the same */
static __always_inline int pg_memory_begin(__u32 event, const __u64 *args)
{
	struct pg_call call = {.args = {args[0], args[4], args[5]}};

	if (pg_is_self())
		return 0;
	call.target = (void *)pg_task_by_pid(args[0]);
	pg_call_begin(event, &call);
	return 0;
}

static __always_inline int pg_memory_end(__u32 event, __s64 ret)
{
	struct pg_process_vm_readv *out;
	struct task_struct *target;
	struct pg_call call;

	if (!pg_call_end(event, &call))
		return 0;
	target = call.target;
	if (target && PG_READ(target, tgid) == bpf_get_current_pid_tgid() >> 32)
		return 0;
	if (!pg_admits(event, target, 0))
		return 0;
	out = PG_RESERVE(pg_process_vm_readv, event, PG_ROUTINE);
	if (!out)
		return 0;
	pg_task_fill(&out->process, pg_current());
	if (target)
		pg_task_fill(&out->target, target);
	out->pid = call.args[0];
	out->remote_segments = call.args[1];
	out->flags = call.args[2];
	out->ret = ret;
	pg_submit(out);
	return 0;
}

#endif
