/* More of the kernel's types, as kernel.h has them: dynamic probes. Which of them there are depends on
 * how a kernel is built.
 */
#ifndef PG_KERNEL_PROBES_H
#define PG_KERNEL_PROBES_H

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct event_filter;

struct trace_event_call {
	struct event_filter *filter; /* before 6.12 */
	atomic_t refcnt;	     /* since 5.15 (1d18538e6a09) */
	int flags;
};

/* The event that probes belong to; a perf event of the PMU kprobe or uprobe has one of its own. */
struct trace_probe_event {
	unsigned int flags;
	struct trace_event_call call;
	struct list_head probes;
};

struct trace_probe {
	struct list_head list;
	struct trace_probe_event *event;
};

struct uprobe;

struct uprobe_consumer {
	void *ret_handler;
};

struct trace_uprobe {
	struct uprobe_consumer consumer;
	struct path path;
	struct uprobe *uprobe; /* since 6.12, where uprobe_register() gives it */
	unsigned long offset;
	unsigned long ref_ctr_offset;
	struct trace_probe tp;
};

struct kprobe {
	void *addr;
	const char *symbol_name;
	unsigned int offset;
};

struct kretprobe {
	struct kprobe kp;
	void *handler;
};

struct trace_kprobe {
	struct kretprobe rp;
	const char *symbol;
	struct trace_probe tp;
};

struct bpf_uprobe {
	__s64 offset;
	unsigned long ref_ctr_offset;
	struct uprobe_consumer consumer;
};

struct bpf_uprobe_multi_link { /* since 6.6 (89ae89f53d20) */
	struct path path;
	struct bpf_link link;
	__u32 cnt;
	struct bpf_uprobe *uprobes;
	struct task_struct *task;
};

struct fprobe {
	void *exit_handler;
};

struct bpf_kprobe_multi_link { /* since 5.18 (0dcac2725406) */
	struct bpf_link link;
	struct fprobe fp;
	unsigned long *addrs;
	__u32 cnt;
};

#pragma clang attribute pop

#endif
