/* One process reads, writes or controls another: ptrace(2), process_vm_readv(2) and _writev(2). */
#ifndef PG_ACCESS_H
#define PG_ACCESS_H

enum { PG_TRACEME = 0, PG_ATTACH = 16, PG_DETACH = 17, PG_SEIZE = 0x4206 };

static __always_inline bool pg_ptrace_begins_or_ends(__u64 request)
{
	return request == PG_TRACEME || request == PG_ATTACH || request == PG_DETACH ||
	       request == PG_SEIZE;
}

static __always_inline int pg_ptraced(struct pg_call *call, __s64 ret)
{
	struct task_struct *tracer = pg_current(), *traced = call->target;
	struct pg_ptrace *out;

	if (call->args[0] == PG_TRACEME) {
		traced = tracer;
		tracer = BPF_CORE_READ(traced, real_parent);
	}
	out = PG_RESERVE(pg_ptrace, PG_EVENT_PTRACE);
	if (!out)
		return 0;
	pg_task_fill(&out->process, tracer);
	if (traced)
		pg_task_fill(&out->target, traced);
	out->request = call->args[0];
	out->pid = call->args[1];
	out->ret = ret;
	pg_submit(out);
	return 0;
}

/* Both have the same arguments and records, and differ in the event's number. */
_Static_assert(sizeof(struct pg_process_vm_readv) == sizeof(struct pg_process_vm_writev), "vm");

static __always_inline int pg_memory_copied(__u32 event, struct pg_call *call, __s64 ret)
{
	struct task_struct *target = call->target;
	struct pg_process_vm_readv *out;

	if (target && BPF_CORE_READ(target, tgid) == bpf_get_current_pid_tgid() >> 32)
		return 0;
	out = PG_RESERVE(pg_process_vm_readv, event);
	if (!out)
		return 0;
	pg_task_fill(&out->process, pg_current());
	if (target)
		pg_task_fill(&out->target, target);
	out->pid = call->args[0];
	out->remote_segments = call->args[1];
	out->flags = call->args[2];
	out->ret = ret;
	pg_submit(out);
	return 0;
}

#endif
