/* Dynamic probes: a breakpoint is placed at instructions of a file (uprobe) or in the kernel (kprobe). */
#ifndef PG_DYNAMIC_H
#define PG_DYNAMIC_H

enum { PG_NOT_KNOWN = -1 };

static __always_inline bool pg_probes_are_wanted(void)
{
	return pg_is_wanted(PG_EVENT_UPROBE_ATTACH) || pg_is_wanted(PG_EVENT_KPROBE_ATTACH);
}

static __always_inline __u8 pg_via(struct perf_event *event)
{
	return pg_perf_class(event) == PG_CLASS_TRACEPOINT ? PG_VIA_TRACEFS_EVENT
							   : PG_VIA_PERF_EVENT;
}

static __always_inline struct pg_uprobe_attach *pg_uprobe_reserve(struct task_struct *target, __s64 ret)
{
	struct pg_uprobe_attach *out;

	out = PG_RESERVE(pg_uprobe_attach, PG_EVENT_UPROBE_ATTACH, PG_URGENT);
	if (!out)
		return NULL;
	pg_task_fill(&out->process, pg_current());
	if (target)
		pg_task_fill(&out->target, target);
	out->ret = ret;
	out->scope = target ? PG_SCOPE_TASK : PG_SCOPE_CPU;
	return out;
}

/* uprobe_attach: by a perf event. Alike are those at one file. */
PG_GLOBAL int pg_uprobe_opened(__u64 event_at, __s64 ret)
{
	struct perf_event *event = (void *)event_at;
	struct task_struct *target = pg_perf_target(event);
	struct trace_uprobe *probe = pg_uprobe_of_event(event);
	struct pg_uprobe_attach *out;

	if (!pg_admits(PG_EVENT_UPROBE_ATTACH, target, pg_uprobe_inode(probe)))
		return 0;
	out = pg_uprobe_reserve(target, ret);
	if (!out)
		return 0;
	out->perf_event_id = PG_READ(event, id);
	out->via = pg_via(event);
	out->scope = pg_perf_scope(event, target);
	pg_uprobe_fill(out, event, probe);
	pg_submit(out);
	return 0;
}

/* By a link. */
PG_GLOBAL int pg_uprobe_linked(__u64 link_at, __s64 ret)
{
	struct bpf_link *link = (void *)link_at;
	struct task_struct *target = pg_uprobe_link_target(link);
	struct pg_uprobe_attach *out;

	if (!pg_admits(PG_EVENT_UPROBE_ATTACH, target, 0))
		return 0;
	out = pg_uprobe_reserve(target, ret);
	if (!out)
		return 0;
	out->via = PG_VIA_LINK;
	pg_uprobe_fill_link(out, link);
	pg_submit(out);
	return 0;
}

/* By tracefs alone. */
PG_GLOBAL int pg_uprobe_switched_on(__u64 probe_at, __s64 ret)
{
	struct trace_uprobe *probe = (void *)probe_at;
	struct pg_uprobe_attach *out;

	if (!pg_admits(PG_EVENT_UPROBE_ATTACH, NULL, pg_uprobe_inode(probe)))
		return 0;
	out = pg_uprobe_reserve(NULL, ret);
	if (!out)
		return 0;
	out->via = PG_VIA_TRACEFS;
	pg_uprobe_fill(out, NULL, probe);
	pg_submit(out);
	return 0;
}

static __always_inline struct pg_kprobe_attach *pg_kprobe_reserve(struct task_struct *target, __s64 ret)
{
	struct pg_kprobe_attach *out;

	out = PG_RESERVE(pg_kprobe_attach, PG_EVENT_KPROBE_ATTACH, PG_URGENT);
	if (!out)
		return NULL;
	pg_task_fill(&out->process, pg_current());
	if (target)
		pg_task_fill(&out->target, target);
	out->ret = ret;
	out->offset = PG_NOT_KNOWN;
	out->scope = target ? PG_SCOPE_TASK : PG_SCOPE_CPU;
	return out;
}

/* kprobe_attach: by a perf event. */
PG_GLOBAL int pg_kprobe_opened(__u64 event_at, __s64 ret)
{
	struct perf_event *event = (void *)event_at;
	struct task_struct *target = pg_perf_target(event);
	struct pg_kprobe_attach *out;

	if (!pg_admits(PG_EVENT_KPROBE_ATTACH, target, 0))
		return 0;
	out = pg_kprobe_reserve(target, ret);
	if (!out)
		return 0;
	out->perf_event_id = PG_READ(event, id);
	out->via = pg_via(event);
	out->scope = pg_perf_scope(event, target);
	pg_kprobe_fill(out, event, pg_kprobe_of_event(event));
	pg_submit(out);
	return 0;
}

/* By a link. */
PG_GLOBAL int pg_kprobe_linked(__u64 link_at, __s64 ret)
{
	struct pg_kprobe_attach *out;

	if (!pg_admits(PG_EVENT_KPROBE_ATTACH, NULL, 0))
		return 0;
	out = pg_kprobe_reserve(NULL, ret);
	if (!out)
		return 0;
	out->via = PG_VIA_LINK;
	pg_kprobe_fill_link(out, (void *)link_at);
	pg_submit(out);
	return 0;
}

/* By tracefs alone. */
PG_GLOBAL int pg_kprobe_switched_on(__u64 probe_at, __s64 ret)
{
	struct pg_kprobe_attach *out;

	if (!pg_admits(PG_EVENT_KPROBE_ATTACH, NULL, 0))
		return 0;
	out = pg_kprobe_reserve(NULL, ret);
	if (!out)
		return 0;
	out->via = PG_VIA_TRACEFS;
	pg_kprobe_fill(out, NULL, (void *)probe_at);
	pg_submit(out);
	return 0;
}

/* A perf event is opened: if it is at a probe, that is placed now, whether the event is on or not. */
static __always_inline void pg_probe_opened(struct perf_event *event, __s64 ret)
{
	__u32 class;

	if (!pg_probes_are_wanted())
		return;
	class = pg_probe_class(event);
	if (class == PG_CLASS_UPROBE)
		pg_uprobe_opened((__u64)event, ret);
	else if (class == PG_CLASS_KPROBE)
		pg_kprobe_opened((__u64)event, ret);
}

/* A BPF link is made. */
static __always_inline void pg_probe_linked(struct bpf_link *link, __u32 link_type, __s64 ret)
{
	enum { KPROBE_MULTI = 8, UPROBE_MULTI = 12 }; /* BPF_LINK_TYPE_* */

	if (link_type == UPROBE_MULTI)
		pg_uprobe_linked((__u64)link, ret);
	else if (link_type == KPROBE_MULTI)
		pg_kprobe_linked((__u64)link, ret);
}

/* The kernel places a probe for tracefs, or tries to. */
static __always_inline int pg_probe_begin(__u64 probe)
{
	__u64 task = bpf_get_current_task();

	if (probe && !pg_is_self())
		bpf_map_update_elem(&placing, &task, &probe, BPF_ANY);
	return 0;
}

static __always_inline __u64 pg_probe_end(void)
{
	__u64 task = bpf_get_current_task(), probe;
	__u64 *begun = bpf_map_lookup_elem(&placing, &task);

	if (!begun)
		return 0;
	probe = *begun;
	bpf_map_delete_elem(&placing, &task);
	return probe;
}

static __always_inline int pg_uprobe_begin(struct inode *inode, __s64 offset,
					   struct uprobe_consumer *consumer)
{
	return pg_probe_begin(pg_uprobe_of_consumer(inode, offset, consumer));
}

/* An error as a number, or as uprobe_register() gives it: a pointer since 6.12. */
static __always_inline __s64 pg_error(__s64 result)
{
	enum { LARGEST = 4095 }; /* MAX_ERRNO */

	return result < 0 && result >= -LARGEST ? result : 0;
}

static __always_inline int pg_uprobe_end(__s64 result)
{
	__u64 probe = pg_probe_end();

	return probe ? pg_uprobe_switched_on(probe, pg_error(result)) : 0;
}

static __always_inline int pg_kprobe_end(__s64 result)
{
	__u64 probe = pg_probe_end();

	return probe ? pg_kprobe_switched_on(probe, pg_error(result)) : 0;
}

#endif
