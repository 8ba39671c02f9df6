/* BPF programs: bpf(2) loads one into the kernel, or attaches one. */
#ifndef PG_PROGRAMS_H
#define PG_PROGRAMS_H

/* Commands, a program type and link types (UAPI). */
enum { PG_BPF_PROG_LOAD = 5, PG_BPF_PROG_ATTACH = 8, PG_BPF_RAW_TRACEPOINT_OPEN = 17,
       PG_BPF_LINK_CREATE = 28 };
enum { PG_BPF_CGROUP_SKB = 8 };
enum { PG_BPF_LINK_RAW_TRACEPOINT = 1, PG_BPF_LINK_TRACING = 2, PG_BPF_LINK_PERF_EVENT = 7 };

enum { PG_BPF_UNKNOWN = (__u32)-1 };

/* union bpf_attr (UAPI), as far as it is read: of a load; of an attach, by a link or without; and of an
 * attach to a raw tracepoint.
 */
union pg_bpf_attr {
	struct {
		__u32 prog_type, insn_cnt;
		__u64 insns, license;
		__u32 log_level, log_size;
		__u64 log_buf;
		__u32 kern_version, prog_flags;
		char prog_name[16];
		__u32 prog_ifindex, expected_attach_type;
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
	if (!pg_is_wanted(event) || pg_is_self())
		return 0;
	pg_call_begin(event, &call);
	return 0;
}

/* What the caller has passed. The kernel takes for 0 what lies behind its end. */
static __always_inline void pg_bpf_read(union pg_bpf_attr *attr, struct pg_call *call)
{
	__u64 size = call->args[2];

	if (size > sizeof(*attr))
		size = sizeof(*attr);
	bpf_probe_read_user(attr, size, (void *)call->args[1]);
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

/* bpf_prog_load: the kernel has taken a program, or refused it. */
static __always_inline int pg_bpf_loaded(struct pg_call *call, __s64 ret)
{
	struct pg_bpf_prog_load *out;
	union pg_bpf_attr attr = {};
	struct bpf_prog *prog = NULL;

	pg_bpf_read(&attr, call);
	if (ret >= 0)
		prog = (void *)pg_bpf_prog_of_fd(ret);
	if (!pg_admits(PG_EVENT_BPF_PROG_LOAD, NULL, attr.load.prog_type))
		return 0;
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
		out->prog_type = attr.load.prog_type;
		out->expected_attach_type =
			pg_bpf_expected(attr.load.prog_type, attr.load.expected_attach_type);
		out->insn_cnt = attr.load.insn_cnt;
		__builtin_memcpy(out->prog_name, attr.load.prog_name, sizeof(out->prog_name));
	} else { /* another thread has closed it already */
		out->prog_type = out->expected_attach_type = PG_BPF_UNKNOWN;
	}
	pg_submit(out);
	return 0;
}

/* What an attach is about. `link` and `prog` are NULL where they are not known. */
struct pg_bpf_attaching {
	union pg_bpf_attr attr;
	struct bpf_link *link;
	struct bpf_prog *prog;
	struct perf_event *event; /* of a link to one */
	__u32 cmd;
	__u32 link_type;
};

static __always_inline void pg_bpf_find(struct pg_bpf_attaching *found, __s64 ret)
{
	__u32 fd = found->cmd == PG_BPF_LINK_CREATE   ? found->attr.link.prog_fd
		   : found->cmd == PG_BPF_PROG_ATTACH ? found->attr.attach.prog_fd
						      : found->attr.raw.prog_fd;

	if (ret >= 0 && found->cmd != PG_BPF_PROG_ATTACH)
		found->link = (void *)pg_bpf_link_of_fd(ret);
	if (!found->link) {
		found->prog = (void *)pg_bpf_prog_of_fd(fd);
		return;
	}
	found->prog = PG_READ(found->link, prog);
	found->link_type = PG_READ(found->link, type);
	if (found->link_type == PG_BPF_LINK_PERF_EVENT)
		found->event = pg_perf_of_file(pg_bpf_link_file(found->link));
}

static __always_inline void pg_bpf_symbol(char (*out)[64], struct pg_bpf_attaching *found)
{
	const char *name = NULL;

	if (found->link_type == PG_BPF_LINK_RAW_TRACEPOINT)
		name = pg_bpf_link_tracepoint(found->link);
	else if (found->link_type == PG_BPF_LINK_TRACING)
		name = PG_READ(found->prog, aux, attach_func_name);
	if (name)
		bpf_probe_read_kernel_str(out, sizeof(*out), name);
	else if (found->cmd == PG_BPF_RAW_TRACEPOINT_OPEN && found->attr.raw.name)
		bpf_probe_read_user_str(out, sizeof(*out), (void *)found->attr.raw.name);
}

static __always_inline void pg_bpf_attach_fill(struct pg_bpf_attach *out,
					       struct pg_bpf_attaching *found)
{
	out->prog_type = out->attach_type = PG_BPF_UNKNOWN;
	out->link_type = found->link_type;
	out->how = found->cmd == PG_BPF_LINK_CREATE   ? PG_HOW_LINK_CREATE
		   : found->cmd == PG_BPF_PROG_ATTACH ? PG_HOW_PROG_ATTACH
						      : PG_HOW_RAW_TRACEPOINT;
	if (found->prog) {
		out->prog_id = PG_READ(found->prog, aux, id);
		out->prog_type = PG_READ(found->prog, type);
		out->attach_type = pg_bpf_expected_of(found->prog);
		pg_bpf_name(&out->prog_name, found->prog);
	}
	if (found->cmd != PG_BPF_RAW_TRACEPOINT_OPEN) /* both have it in the same place */
		out->attach_type = found->attr.link.attach_type;
	pg_bpf_symbol(&out->symbol_name, found);
}

/* bpf_attach: a program is attached, or could not be. */
static __always_inline int pg_bpf_attached(struct pg_call *call, __s64 ret)
{
	struct pg_bpf_attaching found = {.cmd = call->args[0]};
	struct task_struct *target = NULL;
	struct pg_bpf_attach *out;

	pg_bpf_read(&found.attr, call);
	pg_bpf_find(&found, ret);
	if (found.event)
		target = pg_perf_target(found.event);
	if (!pg_admits(PG_EVENT_BPF_ATTACH, target, found.cmd))
		return 0;
	out = PG_RESERVE(pg_bpf_attach, PG_EVENT_BPF_ATTACH, ret >= 0);
	if (!out)
		return 0;
	pg_task_fill(&out->process, pg_current());
	if (target)
		pg_task_fill(&out->target, target);
	out->ret = ret;
	pg_bpf_attach_fill(out, &found);
	if (found.event) {
		out->perf_event_id = PG_READ(found.event, id);
		out->scope = pg_perf_scope(found.event, target);
		pg_perf_pmu(&out->pmu, found.event);
	}
	pg_submit(out);
	return 0;
}

/* A task is in one call at a time. */
static __always_inline int pg_bpf_end(__s64 ret)
{
	struct pg_call call;

	if (pg_call_end(PG_EVENT_BPF_PROG_LOAD, &call))
		return pg_bpf_loaded(&call, ret);
	if (pg_call_end(PG_EVENT_BPF_ATTACH, &call))
		return pg_bpf_attached(&call, ret);
	return 0;
}

#endif
