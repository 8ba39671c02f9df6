/* Tasks: who they are, and how to find one by its number. */
#ifndef PG_TASK_H
#define PG_TASK_H

static __always_inline struct task_struct *pg_current(void)
{
	return (struct task_struct *)bpf_get_current_task();
}

static __always_inline struct pid_namespace *pg_pid_namespace(struct task_struct *task)
{
	struct pid *pid = PG_READ(task, thread_pid);
	unsigned int level = PG_READ(pid, level);
	struct pid_namespace *ns = NULL;

	bpf_core_read(&ns, sizeof(ns), &pid->numbers[level & 31].ns);
	return ns;
}

static __noinline int pg_task_fill(struct pg_task *out, struct task_struct *task)
{
	struct task_struct *leader = PG_READ(task, group_leader);
	struct task_struct *parent = PG_READ(leader, real_parent);

	out->pid = PG_READ(task, tgid);
	out->tid = PG_READ(task, pid);
	out->start_ns = PG_READ(leader, start_boottime);
	out->ppid = PG_READ(parent, tgid);
	out->parent_start_ns = PG_READ(parent, group_leader, start_boottime);
	out->cgroup_id = PG_READ(task, cgroups, dfl_cgrp, kn, id);
	out->uid = PG_READ(task, real_cred, uid.val);
	out->gid = PG_READ(task, real_cred, gid.val);
	out->pid_ns = PG_READ(pg_pid_namespace(task), ns.inum);
	out->mnt_ns = pg_mnt_ns(task);
	BPF_CORE_READ_INTO(&out->comm, task, comm);
	return 0;
}

/* The task of a thread's struct pid, or NULL when it is gone. */
static __always_inline struct task_struct *pg_task_of_pid(struct pid *pid)
{
	struct hlist_node *link = PG_READ(pid, tasks[0].first);

	return link ? (void *)link - bpf_core_field_offset(struct task_struct, pid_links) : NULL;
}

/* The task with this number in the caller's pid namespace, as the system calls find it, or NULL.
 * A namespace's pids are in an xarray: six bits of the number choose a slot at each level.
 */
PG_GLOBAL __u64 pg_task_by_pid(int nr)
{
	struct pid_namespace *ns = pg_pid_namespace(pg_current());
	__u64 entry = (__u64)PG_READ(ns, idr.idr_rt.xa_head);

	if (nr <= 0)
		return 0;
	for (int level = 0; level < 6; level++) {
		struct xa_node *node;
		unsigned char shift;

		if ((entry & 3) != 2) /* no inner node: a pid */
			break;
		node = (struct xa_node *)(entry - 2);
		shift = PG_READ(node, shift);
		if (level == 0 && ((__u32)nr >> (shift & 31)) > 63)
			return 0; /* beyond the highest pid in use */
		if (bpf_core_read(&entry, sizeof(entry), &node->slots[(nr >> (shift & 31)) & 63]))
			return 0;
	}
	if (!entry || entry & 3)
		return 0;
	return (__u64)pg_task_of_pid((struct pid *)entry);
}

static __always_inline bool pg_is_self(void)
{
	return bpf_get_current_pid_tgid() >> 32 == pg_config.self_tgid;
}

#endif
