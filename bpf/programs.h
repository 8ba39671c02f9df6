/* BPF programs: bpf(2) loads one into the kernel, or attaches one. */
#ifndef PG_PROGRAMS_H
#define PG_PROGRAMS_H

/* Commands, a program type and link types (UAPI). */
enum { PG_BPF_PROG_LOAD = 5, PG_BPF_PROG_ATTACH = 8, PG_BPF_RAW_TRACEPOINT_OPEN = 17,
       PG_BPF_LINK_CREATE = 28 };
enum { PG_BPF_CGROUP_SKB = 8 };
enum { PG_BPF_LINK_RAW_TRACEPOINT = 1, PG_BPF_LINK_TRACING = 2, PG_BPF_LINK_PERF_EVENT = 7 };

enum { PG_BPF_UNKNOWN = (__u32)-1 };

/* How union bpf_attr (UAPI) begins: of a load; of an attach, by a link or without; and of an attach to
 * a raw tracepoint.
 */
union pg_bpf_attr {
	struct {
		__u32 prog_type, insn_cnt;
	} load;
	struct {
		__u32 prog_fd, target_fd, attach_type;
	} link;
	struct {
		__u32 target_fd, prog_fd, attach_type;
	} attach;
	struct {
		__u64 name;
		__u32 prog_fd;
	} raw;
};

/* Where further attributes of a load are. */
enum { PG_BPF_NAME_AT = 48, PG_BPF_NAME_SIZE = 16, PG_BPF_EXPECTED_AT = 68 };

/* What a call is about. What is not known is NULL. */
struct pg_bpf_found {
	union pg_bpf_attr attr;
	__u64 attr_at, attr_size; /* where the caller has it all */
	struct bpf_prog *prog;
	struct bpf_link *link;
	struct perf_event *event; /* of a link to one */
	struct task_struct *target;
	__u32 cmd;
	__u32 link_type;
};

/* bpf(cmd, attr, size) */
static __always_inline int pg_bpf_begin(const __u64 *args)
{
	struct pg_call call = {.args = {(__u32)args[0], args[1], (__u32)args[2]}};
	__u32 cmd = args[0], event = PG_EVENT_BPF_ATTACH;

	if (cmd == PG_BPF_PROG_LOAD)
		event = PG_EVENT_BPF_PROG_LOAD;
	else if (cmd != PG_BPF_LINK_CREATE && cmd != PG_BPF_PROG_ATTACH &&
		 cmd != PG_BPF_RAW_TRACEPOINT_OPEN)
		return 0;
	if (!pg_is_wanted(event) && !(cmd == PG_BPF_LINK_CREATE && pg_probes_are_wanted()))
		return 0;
	if (pg_is_self())
		return 0;
	pg_call_begin(event, &call);
	return 0;
}

/* What the call was that ends now, as it was begun; false for another one. */
static __always_inline bool pg_bpf_begun(struct pg_bpf_found *found)
{
	struct pg_call call;
	__u64 size;

	if (!pg_call_end(PG_EVENT_BPF_PROG_LOAD, &call) &&
	    !pg_call_end(PG_EVENT_BPF_ATTACH, &call))
		return false;
	found->cmd = call.args[0];
	found->attr_at = call.args[1];
	found->attr_size = size = call.args[2];
	if (size > sizeof(found->attr)) /* what the kernel does not find there is 0 to it */
		size = sizeof(found->attr);
	bpf_probe_read_user(&found->attr, size, (void *)found->attr_at);
	return true;
}

/* What the file of a descriptor stands for is not told by its operations: they are a data symbol, which
 * not every kernel has. But a program can be told by its way back to itself, and a link by its program.
 */
static __always_inline bool pg_is_bpf_prog(struct bpf_prog *prog)
{
	return prog && PG_READ(prog, aux, prog) == prog;
}

PG_GLOBAL __u64 pg_bpf_prog_of_fd(int fd)
{
	struct file *file = (void *)pg_file_of_fd(fd);
	struct bpf_prog *prog = file ? PG_READ(file, private_data) : NULL;

	return pg_is_bpf_prog(prog) ? (__u64)prog : 0;
}

PG_GLOBAL __u64 pg_bpf_link_of_fd(int fd)
{
	struct file *file = (void *)pg_file_of_fd(fd);
	struct bpf_link *link = file ? PG_READ(file, private_data) : NULL;

	return link && pg_is_bpf_prog(PG_READ(link, prog)) ? (__u64)link : 0;
}

/* How a program is to be attached. 0 is the first of these types, and stands for none with all kinds of
 * programs but one.
 */
static __always_inline __u32 pg_bpf_expected(__u32 prog_type, __u32 attach_type)
{
	return attach_type || prog_type == PG_BPF_CGROUP_SKB ? attach_type : PG_BPF_UNKNOWN;
}

static __always_inline __u32 pg_bpf_expected_of(struct bpf_prog *prog)
{
	return pg_bpf_expected(PG_READ(prog, type), PG_READ(prog, expected_attach_type));
}

static __always_inline char pg_hex(__u8 digit)
{
	return digit < 10 ? '0' + digit : 'a' + digit - 10;
}

static __always_inline void pg_bpf_tag(char (*out)[24], struct bpf_prog *prog)
{
	__u8 tag[8] = {};

	bpf_core_read(&tag, sizeof(tag), &prog->tag);
	for (int i = 0; i < 8; i++) {
		(*out)[2 * i] = pg_hex(tag[i] >> 4);
		(*out)[2 * i + 1] = pg_hex(tag[i] & 15);
	}
}

static __always_inline void pg_bpf_name(char (*out)[16], struct bpf_prog *prog)
{
	struct bpf_prog_aux *aux = PG_READ(prog, aux);

	BPF_CORE_READ_INTO(out, aux, name);
}

static __always_inline __u32 pg_bpf_passed_fd(struct pg_bpf_found *found)
{
	if (found->cmd == PG_BPF_LINK_CREATE)
		return found->attr.link.prog_fd;
	return found->cmd == PG_BPF_PROG_ATTACH ? found->attr.attach.prog_fd
						: found->attr.raw.prog_fd;
}

/* Of an attach: a link has it all, where there is one. What PG_READ begins at is a variable, since it
 * would have the kernel's layout for a member of our own struct too.
 */
static __always_inline void pg_bpf_find(struct pg_bpf_found *found, __s64 ret)
{
	struct perf_event *event = NULL;
	struct bpf_link *link = NULL;

	if (ret >= 0 && found->cmd != PG_BPF_PROG_ATTACH)
		link = (void *)pg_bpf_link_of_fd(ret);
	if (!link) {
		found->prog = (void *)pg_bpf_prog_of_fd(pg_bpf_passed_fd(found));
		return;
	}
	found->link = link;
	found->prog = PG_READ(link, prog);
	found->link_type = PG_READ(link, type);
	if (found->link_type == PG_BPF_LINK_PERF_EVENT)
		event = pg_perf_of_file(pg_bpf_link_file(link));
	if (event)
		found->target = pg_perf_target(event);
	found->event = event;
}

/* A program that the kernel refused: there is only what the caller has passed. */
static __always_inline void pg_bpf_refused(struct pg_bpf_prog_load *out, struct pg_bpf_found *found)
{
	__u32 expected = 0;

	if (found->attr_size >= PG_BPF_EXPECTED_AT + sizeof(expected))
		bpf_probe_read_user(&expected, sizeof(expected),
				    (void *)found->attr_at + PG_BPF_EXPECTED_AT);
	if (found->attr_size >= PG_BPF_NAME_AT + PG_BPF_NAME_SIZE)
		bpf_probe_read_user(&out->prog_name, PG_BPF_NAME_SIZE,
				    (void *)found->attr_at + PG_BPF_NAME_AT);
	out->prog_type = found->attr.load.prog_type;
	out->expected_attach_type = pg_bpf_expected(out->prog_type, expected);
	out->insn_cnt = found->attr.load.insn_cnt;
}

/* bpf_prog_load: the kernel has taken a program, or refused it. */
static __always_inline int pg_bpf_loaded(struct pg_bpf_found *found, __s64 ret)
{
	struct bpf_prog *prog = found->prog;
	struct pg_bpf_prog_load *out;

	out = PG_RESERVE(pg_bpf_prog_load, PG_EVENT_BPF_PROG_LOAD, PG_ROUTINE);
	if (!out)
		return 0;
	pg_task_fill(&out->process, pg_current());
	out->ret = ret;
	if (prog) {
		out->prog_type = PG_READ(prog, type);
		out->expected_attach_type = pg_bpf_expected_of(prog);
		out->prog_id = PG_READ(prog, aux, id);
		out->insn_cnt = PG_READ(prog, len);
		pg_bpf_name(&out->prog_name, prog);
		pg_bpf_tag(&out->tag, prog);
	} else if (ret < 0) {
		pg_bpf_refused(out, found);
	} else { /* another thread has closed it already */
		out->prog_type = out->expected_attach_type = PG_BPF_UNKNOWN;
	}
	pg_submit(out);
	return 0;
}

static __always_inline void pg_bpf_symbol(char (*out)[64], struct pg_bpf_found *found)
{
	struct bpf_prog *prog = found->prog;
	const char *name = NULL;

	if (found->link_type == PG_BPF_LINK_RAW_TRACEPOINT)
		name = pg_bpf_link_tracepoint(found->link);
	else if (found->link_type == PG_BPF_LINK_TRACING)
		name = PG_READ(prog, aux, attach_func_name);
	if (name)
		bpf_probe_read_kernel_str(out, sizeof(*out), name);
	else if (found->cmd == PG_BPF_RAW_TRACEPOINT_OPEN && found->attr.raw.name)
		bpf_probe_read_user_str(out, sizeof(*out), (void *)found->attr.raw.name);
}

static __always_inline __u8 pg_bpf_how(__u32 cmd)
{
	if (cmd == PG_BPF_LINK_CREATE)
		return PG_HOW_LINK_CREATE;
	return cmd == PG_BPF_PROG_ATTACH ? PG_HOW_PROG_ATTACH : PG_HOW_RAW_TRACEPOINT;
}

/* bpf_attach: a program is attached, or could not be. */
static __always_inline int pg_bpf_attached(struct pg_bpf_found *found, __s64 ret)
{
	struct perf_event *event = found->event;
	struct bpf_prog *prog = found->prog;
	struct pg_bpf_attach *out;

	out = PG_RESERVE(pg_bpf_attach, PG_EVENT_BPF_ATTACH, ret >= 0);
	if (!out)
		return 0;
	pg_task_fill(&out->process, pg_current());
	if (found->target)
		pg_task_fill(&out->target, found->target);
	out->ret = ret;
	out->how = pg_bpf_how(found->cmd);
	out->link_type = found->link_type;
	out->prog_type = out->attach_type = PG_BPF_UNKNOWN;
	if (prog) {
		out->prog_id = PG_READ(prog, aux, id);
		out->prog_type = PG_READ(prog, type);
		out->attach_type = pg_bpf_expected_of(prog);
		pg_bpf_name(&out->prog_name, prog);
	}
	if (found->cmd != PG_BPF_RAW_TRACEPOINT_OPEN) /* both others have it in the same place */
		out->attach_type = found->attr.link.attach_type;
	pg_bpf_symbol(&out->symbol_name, found);
	if (event) {
		out->perf_event_id = PG_READ(event, id);
		out->scope = pg_perf_scope(event, found->target);
		pg_perf_pmu(&out->pmu, event);
	}
	pg_submit(out);
	return 0;
}

static __always_inline int pg_bpf_end(__s64 ret)
{
	struct pg_bpf_found found = {};
	__u32 event, kind;

	if (!pg_bpf_begun(&found))
		return 0;
	if (found.cmd == PG_BPF_PROG_LOAD) {
		event = PG_EVENT_BPF_PROG_LOAD;
		kind = found.attr.load.prog_type;
		if (ret >= 0)
			found.prog = (void *)pg_bpf_prog_of_fd(ret);
	} else {
		event = PG_EVENT_BPF_ATTACH;
		kind = found.cmd;
		pg_bpf_find(&found, ret);
		if (found.link)
			pg_probe_linked(found.link, found.link_type, ret);
	}
	if (!pg_admits(event, found.target, kind))
		return 0;
	return event == PG_EVENT_BPF_PROG_LOAD ? pg_bpf_loaded(&found, ret)
					       : pg_bpf_attached(&found, ret);
}

#endif
