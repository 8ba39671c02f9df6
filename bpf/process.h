/* The life of processes: fork, exec, exit. */
#ifndef PG_PROCESS_H
#define PG_PROCESS_H

static __always_inline int pg_process_exec(struct task_struct *task, struct linux_binprm *binprm)
{
	struct pg_sched_process_exec *out;
	unsigned long from;
	struct file *file;
	__u64 size;

	/* Too large for PG_RESERVE to zero: what is not set below is not sent. */
	out = pg_reserve(PG_EVENT_SCHED_PROCESS_EXEC, sizeof(*out), PG_ROUTINE);
	if (!out)
		return 0;
	file = PG_READ(task, mm, exe_file);
	from = PG_READ(task, mm, arg_start);
	size = PG_READ(task, mm, arg_end) - from;
	__builtin_memset(&out->target, 0, sizeof(out->target));
	pg_task_fill(&out->process, task);
	out->inode = PG_READ(file, f_inode, i_ino);
	out->dev = PG_READ(file, f_inode, i_sb, s_dev);
	out->cmdpath[0] = 0;
	bpf_probe_read_kernel_str(&out->cmdpath, sizeof(out->cmdpath),
				  PG_READ(binprm, filename));
	pg_file_path(&out->pathname, &out->path_size, file);
	if (size > sizeof(out->argv))
		size = sizeof(out->argv);
	if (bpf_probe_read_user(&out->argv, size, (void *)from))
		size = 0;
	out->argv_size = size;
	pg_submit(out);
	return 0;
}

/* A task is about to run for the first time; false for a thread: its process is known already. */
static __always_inline bool pg_process_fork(struct task_struct *parent, struct task_struct *child)
{
	struct pg_sched_process_fork *out;

	if (PG_READ(child, tgid) != PG_READ(child, pid))
		return false;
	out = PG_RESERVE(pg_sched_process_fork, PG_EVENT_SCHED_PROCESS_FORK, PG_ROUTINE);
	if (!out)
		return true;
	pg_task_fill(&out->process, parent);
	pg_task_fill(&out->target, child);
	out->child_pid = PG_READ(child, tgid);
	pg_submit(out);
	return true;
}

/* A thread has ended; with the last one, its process. */
static __always_inline int pg_process_exit(struct task_struct *task, bool is_last)
{
	struct pg_sched_process_exit *out;
	int code = PG_READ(task, exit_code);

	if (!is_last)
		return 0;
	out = PG_RESERVE(pg_sched_process_exit, PG_EVENT_SCHED_PROCESS_EXIT, PG_ROUTINE);
	if (!out)
		return 0;
	pg_task_fill(&out->process, task);
	out->exit_code = code >> 8 & 0xff;
	out->signal = code & 0x7f;
	pg_submit(out);
	return 0;
}

#endif
