/* What is already going on when the sensor starts, read by iterators: open perf events that are on,
 * armed CPU-time timers, and tracers. The records are those of the ring, marked as snapshot.
 */
#ifndef PG_SNAPSHOT_H
#define PG_SNAPSHOT_H

enum { PG_PT_SEIZED = 0x00010000 };

union pg_snapshot_record {
	struct pg_prof prof;
	struct pg_ptrace ptrace;
};

PG_MAP(scratch, PERCPU_ARRAY, __u32, union pg_snapshot_record, 1);

static __always_inline void *pg_snapshot_record(__u32 event)
{
	__u32 zero = 0;
	union pg_snapshot_record *record = bpf_map_lookup_elem(&scratch, &zero);
	struct pg_header *head = (void *)record;

	if (!record)
		return NULL;
	__builtin_memset(record, 0, sizeof(*record));
	head->boot_ns = bpf_ktime_get_boot_ns();
	head->cpu = bpf_get_smp_processor_id();
	head->event = event;
	head->tier = PG_TIER;
	head->source = PG_SOURCE_SNAPSHOT;
	return record;
}

/* A descriptor of any process: if it is a perf event that is on, say so. `holder` stands in for an
 * owner that has ended.
 */
static __always_inline int pg_snapshot_file(struct seq_file *seq, struct task_struct *holder,
					    struct file *file)
{
	struct perf_event *event = pg_perf_of_file(file);
	struct pg_transition change = {
		.action = PG_ACTION_ENABLE, .cause = PG_CAUSE_SNAPSHOT,
	};
	struct pg_prof *out;

	if (!event || !pg_perf_is_on(event) || pg_perf_measures_nothing(event))
		return 0;
	change.owner = pg_perf_owner(event);
	change.target = pg_perf_target(event);
	if (!change.owner)
		change.owner = holder;
	out = pg_snapshot_record(PG_EVENT_PROF);
	if (!out)
		return 0;
	pg_prof_head(out, &change);
	if (out->process.pid == pg_config.self_tgid)
		return 0;
	pg_prof_perf(out, event);
	pg_prof_add(out, event);
	bpf_seq_write(seq, out, sizeof(*out));
	return 0;
}

static __always_inline int pg_snapshot_itimer(struct seq_file *seq, struct task_struct *task, int i)
{
	struct pg_transition change = {
		.target = task, .owner = task, .action = PG_ACTION_ENABLE,
		.cause = PG_CAUSE_SNAPSHOT,
	};
	__u32 which = i ? 1 : 2; /* CPUCLOCK_VIRT, CPUCLOCK_PROF */
	struct pg_prof *out;

	if (!PG_READ(task, signal, it[i].expires))
		return 0;
	out = pg_snapshot_record(PG_EVENT_PROF);
	if (!out)
		return 0;
	pg_prof_head(out, &change);
	pg_prof_timer_fill(out, PG_MECHANISM_ITIMER, PG_CLASS_ITIMER, which, which);
	bpf_seq_write(seq, out, sizeof(*out));
	return 0;
}

static __always_inline int pg_snapshot_traced(struct seq_file *seq, struct task_struct *task)
{
	unsigned int flags = PG_READ(task, ptrace);
	struct pg_ptrace *out;

	if (!flags)
		return 0;
	out = pg_snapshot_record(PG_EVENT_PTRACE);
	if (!out)
		return 0;
	pg_task_fill(&out->process, PG_READ(task, parent));
	pg_task_fill(&out->target, task);
	out->request = flags & PG_PT_SEIZED ? PG_SEIZE : PG_ATTACH;
	out->pid = out->target.tid;
	bpf_seq_write(seq, out, sizeof(*out));
	return 0;
}

#endif
