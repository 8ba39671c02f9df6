/* Where the kernel has a dynamic probe: its own structures, known by its type information. */
#ifndef PG_DYNAMIC_LAYOUT_H
#define PG_DYNAMIC_LAYOUT_H

enum { PG_MAX_PLACES = 8, PG_SYMBOL_MAX = 64 };
enum { PG_TRACEFS_ALONE = 1 }; /* trace_probe_event.flags: TP_FLAG_TRACE, and no perf event */

static const char pg_symbol_format[] SEC(".rodata.format") = "%ps";

/* What kind of probe a perf event is at, if any. Since the flags that tell it for one of tracefs have
 * no names in the type information, their places are told by the members that came and went with
 * flags before them.
 */
static __always_inline __u32 pg_probe_class(struct perf_event *event)
{
	struct trace_event_call *call = PG_READ(event, tp_event);
	__u32 class = pg_perf_class(event), flags, kprobe = 4;

	if (class != PG_CLASS_TRACEPOINT || !call)
		return class;
	kprobe += bpf_core_field_exists(call->filter);
	kprobe += bpf_core_field_exists(call->refcnt);
	flags = PG_READ(call, flags) >> kprobe & 3;
	if (flags)
		return flags & 1 ? PG_CLASS_KPROBE : PG_CLASS_UPROBE;
	return class;
}

/* The first probe of an event: most have but one. */
static __always_inline void *pg_trace_probe(struct perf_event *event)
{
	struct trace_event_call *call = PG_READ(event, tp_event);
	struct trace_probe_event *of = (void *)call - bpf_core_field_offset(struct trace_probe_event, call);
	struct list_head *first = PG_READ(of, probes.next);

	return (void *)first - bpf_core_field_offset(struct trace_probe, list);
}

static __always_inline struct trace_uprobe *pg_uprobe_of_event(struct perf_event *event)
{
	return pg_trace_probe(event) - bpf_core_field_offset(struct trace_uprobe, tp);
}

static __always_inline struct trace_kprobe *pg_kprobe_of_event(struct perf_event *event)
{
	if (!bpf_core_type_exists(struct trace_kprobe))
		return NULL;
	return pg_trace_probe(event) - bpf_core_field_offset(struct trace_kprobe, tp);
}

/* The probe of tracefs that is about to be placed, and no other's: each placer has a struct around the
 * consumer, so what should be around this one is compared with where it is placed.
 */
static __always_inline __u64 pg_uprobe_of_consumer(struct inode *inode, __u64 offset,
						   struct uprobe_consumer *consumer)
{
	struct trace_uprobe *probe =
		(void *)consumer - bpf_core_field_offset(struct trace_uprobe, consumer);

	if (PG_READ(probe, offset) != offset || PG_READ(probe, path.dentry, d_inode) != inode ||
	    PG_READ(probe, tp.event, flags) != PG_TRACEFS_ALONE)
		return 0;
	return (__u64)probe;
}

static __always_inline __u64 pg_kprobe_of_tracefs(struct kprobe *kprobe)
{
	struct trace_kprobe *probe;

	if (!bpf_core_type_exists(struct trace_kprobe))
		return 0;
	probe = (void *)kprobe - bpf_core_field_offset(struct trace_kprobe, rp);
	if (PG_READ(probe, symbol) != PG_READ(kprobe, symbol_name) ||
	    PG_READ(probe, tp.event, flags) != PG_TRACEFS_ALONE)
		return 0;
	return (__u64)probe;
}

/* Since 6.12 uprobe_register() has all the arguments; before, that one has a shorter list. */
static __always_inline bool pg_uprobe_register_is_whole(void)
{
	return bpf_core_field_exists(((struct trace_uprobe *)0)->uprobe);
}

static __always_inline __u32 pg_uprobe_inode(struct trace_uprobe *probe)
{
	return PG_READ(probe, path.dentry, d_inode, i_ino);
}

static __always_inline void pg_uprobe_file(struct pg_uprobe_attach *out, struct pg_path_at at)
{
	struct dentry *dentry = at.dentry;
	struct inode *inode = PG_READ(dentry, d_inode);

	out->inode = PG_READ(inode, i_ino);
	out->dev = PG_READ(inode, i_sb, s_dev);
	pg_path(&out->path, &out->path_size, &at);
}

static __always_inline void pg_uprobe_fill(struct pg_uprobe_attach *out, struct perf_event *event,
					   struct trace_uprobe *probe)
{
	struct pg_path_at at = {
		.dentry = PG_READ(probe, path.dentry), .mnt = PG_READ(probe, path.mnt),
	};

	out->offsets[0] = PG_READ(probe, offset);
	out->nr_offsets = out->total = 1;
	out->ref_ctr_offset = PG_READ(probe, ref_ctr_offset);
	out->type = PG_READ(probe, consumer.ret_handler) ? PG_TYPE_URETPROBE : PG_TYPE_UPROBE;
	pg_uprobe_file(out, at);
}

static __always_inline struct bpf_uprobe_multi_link *pg_uprobe_link(struct bpf_link *link)
{
	if (!bpf_core_type_exists(struct bpf_uprobe_multi_link))
		return NULL;
	return (void *)link - bpf_core_field_offset(struct bpf_uprobe_multi_link, link);
}

static __always_inline struct task_struct *pg_uprobe_link_target(struct bpf_link *link)
{
	struct bpf_uprobe_multi_link *multi = pg_uprobe_link(link);

	return multi ? PG_READ(multi, task) : NULL;
}

static __always_inline void pg_uprobe_fill_link(struct pg_uprobe_attach *out, struct bpf_link *link)
{
	struct bpf_uprobe_multi_link *multi = pg_uprobe_link(link);
	struct bpf_uprobe *each;
	struct pg_path_at at;

	if (!multi)
		return;
	at.dentry = PG_READ(multi, path.dentry);
	at.mnt = PG_READ(multi, path.mnt);
	each = PG_READ(multi, uprobes);
	out->total = PG_READ(multi, cnt);
	out->nr_offsets = out->total < PG_MAX_PLACES ? out->total : PG_MAX_PLACES;
	out->ref_ctr_offset = PG_READ(each, ref_ctr_offset);
	out->type = PG_READ(each, consumer.ret_handler) ? PG_TYPE_URETPROBE : PG_TYPE_UPROBE;
	for (int i = 0; i < PG_MAX_PLACES; i++) {
		if (i < out->total)
			bpf_core_read(&out->offsets[i], sizeof(out->offsets[i]), &each->offset);
		each = (void *)each + bpf_core_type_size(struct bpf_uprobe);
	}
	pg_uprobe_file(out, at);
}

static __always_inline bool pg_can_name(void)
{
	return bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_snprintf);
}

/* The name of an address, behind those that there are already. What the kernel has no name for it
 * writes as a number.
 */
static __noinline int pg_symbol(struct pg_kprobe_attach *out, __u64 address)
{
	__u32 used = out->symbols_size;
	long size;

	if (used > sizeof(out->symbols) - PG_SYMBOL_MAX)
		return 0;
	size = bpf_snprintf(&out->symbols[used], PG_SYMBOL_MAX, pg_symbol_format, &address,
			    sizeof(address));
	if (size <= 1 || out->symbols[used] == '0')
		return 0;
	out->symbols_size = used + (size < PG_SYMBOL_MAX ? size : PG_SYMBOL_MAX);
	return 0;
}

static __always_inline void pg_kprobe_fill(struct pg_kprobe_attach *out, struct perf_event *event,
					   struct trace_kprobe *probe)
{
	const char *symbol;
	long size;

	if (!probe)
		return;
	out->total = 1;
	out->type = PG_READ(probe, rp.handler) ? PG_TYPE_KRETPROBE : PG_TYPE_KPROBE;
	symbol = PG_READ(probe, symbol);
	if (!symbol) {
		if (pg_can_name())
			pg_symbol(out, (__u64)PG_READ(probe, rp.kp.addr));
		return;
	}
	size = bpf_probe_read_kernel_str(&out->symbols, PG_SYMBOL_MAX, symbol);
	out->symbols_size = size > 0 ? size : 0;
	out->offset = PG_READ(probe, rp.kp.offset);
}

static __always_inline void pg_kprobe_fill_link(struct pg_kprobe_attach *out, struct bpf_link *link)
{
	struct bpf_kprobe_multi_link *multi;
	unsigned long *addresses, address;

	if (!bpf_core_type_exists(struct bpf_kprobe_multi_link))
		return;
	multi = (void *)link - bpf_core_field_offset(struct bpf_kprobe_multi_link, link);
	addresses = PG_READ(multi, addrs);
	out->total = PG_READ(multi, cnt);
	out->type = PG_READ(multi, fp.exit_handler) ? PG_TYPE_KRETPROBE : PG_TYPE_KPROBE;
	for (int i = 0; i < PG_MAX_PLACES; i++) {
		if (i >= out->total)
			return;
		bpf_probe_read_kernel(&address, sizeof(address), addresses + i);
		pg_symbol(out, address);
	}
}

#endif
