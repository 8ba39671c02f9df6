/* What kernels keep in different places, told apart by their type information. */
#ifndef PG_LAYOUT_H
#define PG_LAYOUT_H

/* Whether this is the only descriptor, mapping or passed copy that keeps the file open. */
static __always_inline bool pg_file_is_last(struct file *file)
{
	if (bpf_core_field_exists(file->f_ref))
		return PG_READ(file, f_ref.refcnt.counter) == 0;
	return PG_READ((struct file___f_count *)file, f_count.counter) == 1;
}

static __always_inline struct perf_event_context *pg_perf_context(struct task_struct *task, int i)
{
	struct task_struct___ctxp_array *before = (void *)task;
	struct perf_event_context *context = NULL;

	if (bpf_core_field_exists(task->perf_event_ctxp)) /* a pointer: an array does not match */
		return i ? NULL : PG_READ(task, perf_event_ctxp);
	if (i)
		bpf_core_read(&context, sizeof(context), &before->perf_event_ctxp[1]);
	else
		bpf_core_read(&context, sizeof(context), &before->perf_event_ctxp[0]);
	return context;
}

/* The id of the control group whose processes the event is for; 0 for none. */
static __always_inline __u64 pg_perf_cgroup(struct perf_event *event)
{
	if (!bpf_core_field_exists(event->cgrp) || !PG_READ(event, cgrp))
		return 0;
	return PG_READ(event, cgrp, css.cgroup, kn, id);
}

/* The name of the tracepoint that a link of that type is for. */
static __always_inline const char *pg_bpf_link_tracepoint(struct bpf_link *link)
{
	return PG_READ((struct bpf_raw_tp_link *)link, btp, tp, name);
}

/* The file of the perf event that a link of that type is for. */
static __always_inline struct file *pg_bpf_link_file(struct bpf_link *link)
{
	struct bpf_perf_link *of_event = (void *)link;

	return bpf_core_field_exists(of_event->perf_file) ? PG_READ(of_event, perf_file) : NULL;
}

enum { PG_CTIME_QUERIED = 1u << 31 }; /* a flag in it, since 6.13 (4e40eff0b573) */

/* When an inode was changed, in ns since the epoch. */
static __always_inline __u64 pg_ctime(struct inode *inode)
{
	struct inode___ctime_before *before = (void *)inode;
	struct inode___ctime *between = (void *)inode;

	if (bpf_core_field_exists(inode->i_ctime_sec))
		return PG_READ(inode, i_ctime_sec) * 1000000000ull +
		       (PG_READ(inode, i_ctime_nsec) & ~PG_CTIME_QUERIED);
	if (bpf_core_field_exists(between->__i_ctime))
		return PG_READ(between, __i_ctime.tv_sec) * 1000000000ull +
		       PG_READ(between, __i_ctime.tv_nsec);
	return PG_READ(before, i_ctime.tv_sec) * 1000000000ull +
	       PG_READ(before, i_ctime.tv_nsec);
}

static __always_inline __u32 pg_mnt_ns(struct task_struct *task)
{
	return PG_READ(task, nsproxy, mnt_ns, ns.inum);
}

/* What the system call that ends now was called with, where that can be known. */
static __always_inline bool pg_call_args(__u64 *args)
{
	if (!bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs))
		return false; /* since 5.15 (dd6e10fbd9fb) */
	pg_args_native(args, (void *)bpf_task_pt_regs(bpf_get_current_task_btf()));
	return true;
}

#endif
