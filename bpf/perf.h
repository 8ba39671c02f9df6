/* perf events: which one a descriptor means, whether it runs, whose it is and what it measures. */
#ifndef PG_PERF_H
#define PG_PERF_H

enum { PG_MAX_EVENTS = 8 };
enum { PG_CPU_CLOCK = 0, PG_TASK_CLOCK = 1 }; /* PERF_COUNT_SW_* */
enum { PG_DUMMY = 9, PG_BPF_OUTPUT = 10 };    /* the same: they measure nothing */
enum { PG_ATTR_FREQ = 1 << 10 };
enum { PG_ATTR_FLAGS_OFFSET = 40 }; /* of the flag word in perf_event_attr: UAPI */
enum { PG_PID_CGROUP = 1 << 2 };    /* PERF_FLAG_PID_CGROUP */
enum { PG_NOBODY = 1 };		    /* where an owner's address is asked for */

static __always_inline struct perf_event *pg_perf_of_file(struct file *file)
{
	if (!file || (__u64)PG_READ(file, f_op, unlocked_ioctl) != pg_config.perf_ioctl)
		return NULL;
	return PG_READ(file, private_data);
}

PG_GLOBAL __u64 pg_file_of_fd(int fd)
{
	struct fdtable *table = PG_READ(pg_current(), files, fdt);
	struct file **slot = PG_READ(table, fd);
	struct file *file = NULL;

	if (fd < 0 || (unsigned int)fd >= PG_READ(table, max_fds))
		return 0;
	bpf_probe_read_kernel(&file, sizeof(file), slot + fd);
	return (__u64)file;
}

/* An event counts when it and the leader of its group are not switched off. */
static __always_inline bool pg_perf_is_on(struct perf_event *event)
{
	return PG_READ(event, state) >= PERF_EVENT_STATE_INACTIVE &&
	       PG_READ(event, group_leader, state) >= PERF_EVENT_STATE_INACTIVE;
}

static __always_inline bool pg_is_task(struct task_struct *task)
{
	return task && (__s64)task != -1; /* -1: TASK_TOMBSTONE */
}

/* The event that user space knows: the one an inherited event was copied from. */
static __always_inline struct perf_event *pg_perf_original(struct perf_event *event)
{
	struct perf_event *parent = PG_READ(event, parent);

	return parent ? parent : event;
}

/* Whom the event was opened for. Its context may serve another task by now: where a child inherits
 * all events of its parent, the scheduler swaps their contexts instead of the events.
 */
static __always_inline struct task_struct *pg_perf_target(struct perf_event *event)
{
	struct task_struct *task = PG_READ(event, hw.target);

	return pg_is_task(task) ? task : NULL;
}

static __always_inline __u32 pg_perf_scope(struct perf_event *event, struct task_struct *target)
{
	if (target)
		return PG_SCOPE_TASK;
	return pg_perf_cgroup(event) ? PG_SCOPE_CGROUP : PG_SCOPE_CPU;
}

static __always_inline struct task_struct *pg_perf_owner(struct perf_event *event)
{
	struct task_struct *owner = PG_READ(pg_perf_original(event), owner);

	return pg_is_task(owner) ? owner : NULL;
}

static __always_inline bool pg_perf_measures_nothing(struct perf_event *event)
{
	__u64 config = PG_READ(event, attr.config);

	return PG_READ(event, attr.type) == PG_CLASS_SOFTWARE &&
	       (config == PG_DUMMY || config == PG_BPF_OUTPUT);
}

/* The clocks have a name of their own since 6.12; before, they are told by their config. */
static __always_inline void pg_perf_pmu(char (*out)[32], struct perf_event *event)
{
	const char *name = PG_READ(event, pmu, name);

	if (name)
		bpf_probe_read_kernel_str(out, sizeof(*out), name);
	else if (PG_READ(event, attr.type) != PG_CLASS_SOFTWARE)
		return;
	else if (PG_READ(event, attr.config) == PG_CPU_CLOCK)
		__builtin_memcpy(out, "cpu_clock", sizeof("cpu_clock"));
	else if (PG_READ(event, attr.config) == PG_TASK_CLOCK)
		__builtin_memcpy(out, "task_clock", sizeof("task_clock"));
}

static __always_inline bool pg_starts(const char *text, const char *with, int length)
{
	for (int i = 0; i < length; i++)
		if (text[i] != with[i])
			return false;
	return true;
}

/* The class is told by the PMU's name where newer kernels rewrite attr.type (cpu-clock is type 1 on
 * 6.1 and a number of its own on 6.12).
 */
static __always_inline __u32 pg_perf_class(struct perf_event *event)
{
	__u32 type = PG_READ(event, attr.type);
	char name[16] = {};

	if (type <= PG_CLASS_BREAKPOINT)
		return type;
	bpf_probe_read_kernel_str(name, sizeof(name), PG_READ(event, pmu, name));
	if (pg_starts(name, "uprobe", 7))
		return PG_CLASS_UPROBE;
	if (pg_starts(name, "kprobe", 7))
		return PG_CLASS_KPROBE;
	if (pg_starts(name, "cpu_clock", 10) || pg_starts(name, "task_clock", 11))
		return PG_CLASS_SOFTWARE;
	return PG_CLASS_OTHER_PMU;
}

/* The id that user space knows an event by. */
PG_GLOBAL __u64 pg_perf_id(__u64 at)
{
	return PG_READ(pg_perf_original((void *)at), id);
}

/* An entry of prof.events. */
PG_GLOBAL __u32 pg_perf_code(__u64 at)
{
	struct perf_event *event = (void *)at;

	return pg_perf_class(event) << 24 | (PG_READ(event, attr.config) & 0xffffff);
}

/* Whose an event is that is on and measures something: the address of its owner, 0 where that has
 * ended, PG_NOBODY where it is off. In a function of its own, since the verifier follows what is in a
 * loop once for each round.
 */
PG_GLOBAL __u64 pg_perf_profiler(__u64 at)
{
	struct perf_event *event = (void *)at;

	if (!pg_perf_is_on(event) || pg_perf_measures_nothing(event))
		return PG_NOBODY;
	return (__u64)pg_perf_owner(event);
}

static __always_inline struct perf_event *pg_event_of_entry(struct list_head *entry)
{
	return (void *)entry - bpf_core_field_offset(struct perf_event, event_entry);
}

/* perf: an event is opened. `call` has pid, cpu and flags as they were passed. */
static __always_inline int pg_perf_opened(struct pg_call *call, struct perf_event *event, __s64 ret)
{
	struct task_struct *target = call->target;
	__u64 sample, flags = 0;
	struct pg_perf *out;

	if (event)
		target = pg_perf_target(event);
	if (!pg_admits(PG_EVENT_PERF, target, 0))
		return 0;
	out = PG_RESERVE(pg_perf, PG_EVENT_PERF, PG_ROUTINE);
	if (!out)
		return 0;
	pg_task_fill(&out->process, pg_current());
	if (target)
		pg_task_fill(&out->target, target);
	out->pid = call->args[0];
	out->cpu = call->args[1];
	out->open_flags = call->args[2];
	out->ret = ret;
	if (!event) { /* it failed: there is no kernel object to read */
		out->type = -1;
		out->config = out->sample_type = out->attr_flags = -1;
		out->state = -128;
		pg_submit(out);
		return 0;
	}
	bpf_core_read(&flags, sizeof(flags), (void *)&event->attr + PG_ATTR_FLAGS_OFFSET);
	sample = PG_READ(event, attr.sample_period);
	out->id = PG_READ(event, id);
	out->type = PG_READ(event, attr.type);
	out->config = PG_READ(event, attr.config);
	if (flags & PG_ATTR_FREQ)
		out->sample_freq = sample;
	else
		out->sample_period = sample;
	out->sample_type = PG_READ(event, attr.sample_type);
	out->attr_flags = flags;
	if (PG_READ(event, group_leader) != event)
		out->group = PG_READ(event, group_leader, id);
	out->cgroup_id = pg_perf_cgroup(event);
	out->cpu = PG_READ(event, cpu);
	out->state = PG_READ(event, state);
	pg_perf_pmu(&out->pmu, event);
	pg_submit(out);
	return 0;
}

/* perf_ioctl: something is done to an event. */
static __always_inline int pg_perf_ioctled(struct pg_call *call, __s64 ret)
{
	enum { SET_FILTER = 0x40082406, SET_BPF = 0x40042408 };
	struct perf_event *event = call->event;
	struct task_struct *owner = pg_perf_owner(event);
	struct task_struct *target = pg_perf_target(event);
	struct pg_perf_ioctl *out;
	__u32 cmd = call->args[0];

	if (!pg_is_among(&pg_config.ioctl_cmds, cmd) ||
	    !pg_admits(PG_EVENT_PERF_IOCTL, target, cmd))
		return 0;
	out = PG_RESERVE(pg_perf_ioctl, PG_EVENT_PERF_IOCTL, cmd == SET_BPF);
	if (!out)
		return 0;
	pg_task_fill(&out->process, pg_current());
	if (target)
		pg_task_fill(&out->target, target);
	out->scope = pg_perf_scope(event, target);
	out->id = PG_READ(event, id);
	out->cmd = cmd;
	out->arg = call->args[1];
	out->old_state = call->state;
	out->new_state = PG_READ(event, state);
	out->owner_pid = owner ? PG_READ(owner, tgid) : 0;
	out->ret = ret;
	pg_perf_pmu(&out->pmu, event);
	if (cmd == SET_FILTER)
		bpf_probe_read_user_str(&out->filter, sizeof(out->filter), (void *)call->args[1]);
	pg_submit(out);
	return 0;
}

#endif
