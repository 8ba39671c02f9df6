/* Where the kernel has a dynamic probe is its own matter, which its headers do not say: in the place of
 * dynamic_layout.h. What a perf event was asked for is in its attributes.
 */
#ifndef PG_BCC_DYNAMIC_H
#define PG_BCC_DYNAMIC_H

enum { PG_SYMBOL_MAX = 64, PG_CONFIG_IS_RETURN = 1, PG_CONFIG_REF_CTR = 32 };

struct trace_uprobe;
struct trace_kprobe;
struct uprobe_consumer;
struct kprobe;

static __always_inline __u32 pg_probe_class(struct perf_event *event)
{
	return pg_perf_class(event);
}

static __always_inline struct trace_uprobe *pg_uprobe_of_event(struct perf_event *event)
{
	return NULL;
}

static __always_inline struct trace_kprobe *pg_kprobe_of_event(struct perf_event *event)
{
	return NULL;
}

static __always_inline __u64 pg_uprobe_of_consumer(struct inode *inode, __u64 offset,
						   struct uprobe_consumer *consumer)
{
	return 0;
}

static __always_inline __u64 pg_kprobe_of_tracefs(struct kprobe *kprobe)
{
	return 0;
}

static __always_inline bool pg_uprobe_register_is_whole(void)
{
	return false;
}

static __always_inline __u32 pg_uprobe_inode(struct trace_uprobe *probe)
{
	return 0;
}

static __always_inline void pg_uprobe_fill(struct pg_uprobe_attach *out, struct perf_event *event,
					   struct trace_uprobe *probe)
{
	const char *path;
	__u64 config;
	char first = 0;
	long size;

	if (!event)
		return;
	config = PG_READ(event, attr.config);
	path = (void *)PG_READ(event, attr.config1);
	out->offsets[0] = PG_READ(event, attr.config2);
	out->nr_offsets = out->total = 1;
	out->ref_ctr_offset = config >> PG_CONFIG_REF_CTR;
	out->type = config & PG_CONFIG_IS_RETURN ? PG_TYPE_URETPROBE : PG_TYPE_UPROBE;
	bpf_probe_read_user(&first, sizeof(first), path);
	if (first != '/') /* where a relative one begins is not known */
		return;
	size = bpf_probe_read_user_str(&out->path, sizeof(out->path), path + 1);
	out->path_size = size > 0 ? size : 0;
}

static __always_inline struct task_struct *pg_uprobe_link_target(struct bpf_link *link)
{
	return NULL;
}

static __always_inline void pg_uprobe_fill_link(struct pg_uprobe_attach *out, struct bpf_link *link)
{
	out->scope = 0;
}

static __always_inline void pg_kprobe_fill(struct pg_kprobe_attach *out, struct perf_event *event,
					   struct trace_kprobe *probe)
{
	const char *function;
	long size;

	if (!event)
		return;
	function = (void *)PG_READ(event, attr.config1);
	out->total = 1;
	out->type = PG_READ(event, attr.config) & PG_CONFIG_IS_RETURN ? PG_TYPE_KRETPROBE
								       : PG_TYPE_KPROBE;
	if (!function) /* an address was passed */
		return;
	size = bpf_probe_read_user_str(&out->symbols, PG_SYMBOL_MAX, function);
	out->symbols_size = size > 0 ? size : 0;
	out->offset = PG_READ(event, attr.config2);
}

static __always_inline void pg_kprobe_fill_link(struct pg_kprobe_attach *out, struct bpf_link *link)
{
}

#endif
