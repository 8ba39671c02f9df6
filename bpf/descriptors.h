/* A process takes a copy of another's open file: pidfd_getfd(2). */
#ifndef PG_DESCRIPTORS_H
#define PG_DESCRIPTORS_H

enum { PG_ANON_MAGIC = 0x09041934, PG_PIDFS_MAGIC = 0x50494446 }; /* linux/magic.h */
#define PG_PIDFD_NAME 0x005d64666469705bull /* "[pidfd]", which only the kernel can call a file there */

/* The task that a pidfd means, or NULL where the file is none. */
static __always_inline struct task_struct *pg_task_of_pidfd(struct file *file)
{
	__u64 magic = PG_READ(file, f_inode, i_sb, s_magic), name = 0;

	if (magic == PG_PIDFS_MAGIC) /* since 6.9 (cb12fd8e0dab) */
		return pg_task_of_pid(PG_READ(file, f_inode, i_private));
	if (magic != PG_ANON_MAGIC)
		return NULL;
	bpf_probe_read_kernel(&name, sizeof(name), PG_READ(file, f_path.dentry, d_name.name));
	return name == PG_PIDFD_NAME ? pg_task_of_pid(PG_READ(file, private_data)) : NULL;
}

/* pidfd_getfd(pidfd, targetfd, flags) */
static __always_inline int pg_pidfd_getfd_begin(const __u64 *args)
{
	struct pg_call call = {.args = {args[0], args[1], args[2]}};
	struct file *file;

	if (pg_is_self())
		return 0;
	file = (void *)pg_file_of_fd(args[0]);
	if (file)
		call.target = pg_task_of_pidfd(file);
	pg_call_begin(PG_EVENT_PIDFD_GETFD, &call);
	return 0;
}

static __always_inline int pg_pidfd_getfd_end(__s64 ret)
{
	struct perf_event *event = NULL;
	struct pg_pidfd_getfd *out;
	struct task_struct *target;
	struct pg_call call;

	if (!pg_call_end(PG_EVENT_PIDFD_GETFD, &call))
		return 0;
	target = call.target;
	if (target && PG_READ(target, tgid) == bpf_get_current_pid_tgid() >> 32)
		return 0;
	if (!pg_admits(PG_EVENT_PIDFD_GETFD, target, 0))
		return 0;
	if (ret >= 0)
		event = pg_perf_of_file((void *)pg_file_of_fd(ret));
	out = PG_RESERVE(pg_pidfd_getfd, PG_EVENT_PIDFD_GETFD, PG_ROUTINE);
	if (!out)
		return 0;
	pg_task_fill(&out->process, pg_current());
	if (target)
		pg_task_fill(&out->target, target);
	out->ret = ret;
	out->pidfd = call.args[0];
	out->target_fd = call.args[1];
	out->flags = call.args[2];
	if (event)
		out->perf_event_id = PG_READ(event, id);
	pg_submit(out);
	return 0;
}

#endif
