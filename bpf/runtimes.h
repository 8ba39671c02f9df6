/* A process gets a language's runtime to open up: a JVM to load an agent, Node.js its inspector. */
#ifndef PG_RUNTIMES_H
#define PG_RUNTIMES_H

enum { PG_SIGQUIT = 3, PG_SIGUSR1 = 10, PG_SI_QUEUE = -1, PG_SI_TKILL = -6, PG_AF_UNIX = 1 };
#define PG_END_MAP 0x70616d2eull /* ".map", ".dump": with their ends */
#define PG_END_DUMP 0x706d75642eull
#define PG_JAVA_PID 0x69705f6176616a2eull /* ".java_pi", with which the socket of a JVM begins */

/* What is done to whose runtime; the name is that of a file, in the kernel. */
struct pg_attach {
	struct task_struct *target;
	const char *name;
	__u8 runtime;
	__u8 how;
	__u8 signal;
	bool even_own; /* whether it is told where it is done to oneself, too */
};

static __always_inline int pg_runtime_attached(struct pg_attach *attach)
{
	struct task_struct *target = attach->target;
	struct pg_runtime_attach *out;

	if (target && !attach->even_own &&
	    PG_READ(target, tgid) == bpf_get_current_pid_tgid() >> 32)
		return 0;
	if (!pg_admits(PG_EVENT_RUNTIME_ATTACH, target, attach->how))
		return 0;
	out = PG_RESERVE(pg_runtime_attach, PG_EVENT_RUNTIME_ATTACH, PG_ROUTINE);
	if (!out)
		return 0;
	pg_task_fill(&out->process, pg_current());
	if (target)
		pg_task_fill(&out->target, target);
	out->runtime = attach->runtime;
	out->how = attach->how;
	out->signal = attach->signal;
	if (attach->name)
		bpf_probe_read_kernel_str(&out->artifact, sizeof(out->artifact), attach->name);
	pg_submit(out);
	return 0;
}

static __always_inline __u8 pg_runtime_of(struct task_struct *task)
{
	struct file *file = PG_READ(task, mm, exe_file);

	return pg_file_name_find(file, PG_NAME_RUNTIME);
}

/* A signal that a process has sent another one, and that will be delivered. What runs there is told by
 * the name of its executable: a thread may call itself anything.
 */
static __always_inline int pg_runtime_signalled(int signal, struct kernel_siginfo *info,
						struct task_struct *target)
{
	struct pg_attach attach = {.target = target, .how = PG_WAY_SIGNAL, .signal = signal};
	int code;

	if (signal != PG_SIGQUIT && signal != PG_SIGUSR1)
		return 0;
	if (!pg_is_wanted(PG_EVENT_RUNTIME_ATTACH) || (__u64)info <= 1) /* the kernel's own */
		return 0;
	code = PG_READ(info, si_code);
	if (code && code != PG_SI_QUEUE && code != PG_SI_TKILL)
		return 0;
	if (pg_is_self())
		return 0;
	attach.runtime = pg_runtime_of(target);
	if (attach.runtime != (signal == PG_SIGQUIT ? PG_RUNTIME_JVM : PG_RUNTIME_NODE))
		return 0;
	return pg_runtime_attached(&attach);
}

/* A process connects to a socket of this address, where the owner listens. */
static __always_inline int pg_runtime_connected(struct unix_sock *address, struct pid *owner)
{
	struct pg_attach attach = {.runtime = PG_RUNTIME_JVM, .how = PG_WAY_CONNECT};
	__u64 begins = 0;

	attach.name = (void *)PG_READ(address, path.dentry, d_name.name);
	bpf_probe_read_kernel(&begins, sizeof(begins), attach.name);
	if (begins != PG_JAVA_PID || pg_is_self())
		return 0;
	if (owner)
		attach.target = pg_task_of_pid(owner);
	return pg_runtime_attached(&attach);
}

/* connect(fd, address, size) */
static __always_inline int pg_connect_begin(const __u64 *args)
{
	struct pg_call call = {.args = {args[0]}};
	__u16 family = 0;

	if (!pg_is_wanted(PG_EVENT_RUNTIME_ATTACH))
		return 0;
	bpf_probe_read_user(&family, sizeof(family), (void *)args[1]);
	if (family != PG_AF_UNIX || pg_is_self())
		return 0;
	pg_call_begin(PG_EVENT_RUNTIME_ATTACH, &call);
	return 0;
}

static __always_inline int pg_connect_end(__s64 ret)
{
	struct unix_sock *own;
	struct pg_call call;
	struct socket *socket;
	struct sock *sock;
	struct file *file;

	if (!pg_call_end(PG_EVENT_RUNTIME_ATTACH, &call) || ret)
		return 0;
	file = (void *)pg_file_of_fd(call.args[0]);
	socket = file ? PG_READ(file, private_data) : NULL;
	sock = socket ? PG_READ(socket, sk) : NULL;
	if (!sock || PG_READ(sock, __sk_common.skc_family) != PG_AF_UNIX)
		return 0;
	own = (void *)sock;
	return pg_runtime_connected((void *)PG_READ(own, peer), PG_READ(sock, sk_peer_pid));
}

/* The kernel asks whether it may, with the socket that listens. */
static __always_inline int pg_connect_asked(struct sock *other)
{
	if (!pg_is_wanted(PG_EVENT_RUNTIME_ATTACH))
		return 0;
	return pg_runtime_connected((void *)other, PG_READ(other, sk_peer_pid));
}

/* The number at a place in a name, and how many digits it has. */
static __always_inline int pg_decimal(const char *text, int *digits)
{
	int number = 0, count = 0;

#pragma unroll
	for (int i = 0; i < 7; i++)
		if (count == i && text[i] >= '0' && text[i] <= '9') {
			number = 10 * number + text[i] - '0';
			count++;
		}
	*digits = count;
	return number;
}

/* The process that a file's name means, if that runs in the caller's own pid namespace: in another one
 * it has another number, which is the one in the name.
 */
static __always_inline struct task_struct *pg_task_named(int nr)
{
	struct task_struct *task = (void *)pg_task_by_pid(nr);

	return task && pg_pid_namespace(task) == pg_pid_namespace(pg_current()) ? task : NULL;
}

/* A file is made: .attach_pidPID, beside which SIGQUIT makes a JVM open its socket; perf-PID.map or
 * jit-PID.dump, in which a runtime tells profilers where its functions are.
 */
static __always_inline int pg_runtime_file(struct file *file)
{
	struct pg_attach attach = {.how = PG_WAY_FILE};
	char name[24] = {};
	__u64 end = 0;
	int nr, digits;

	if (!pg_is_wanted(PG_EVENT_RUNTIME_ATTACH))
		return 0;
	attach.name = (void *)PG_READ(file, f_path.dentry, d_name.name);
	bpf_probe_read_kernel_str(name, sizeof(name), attach.name);
	if (pg_starts(name, ".attach_pid", 11)) {
		attach.target = pg_task_named(pg_decimal(name + 11, &digits));
		attach.runtime = PG_RUNTIME_JVM;
		if (attach.target && pg_runtime_of(attach.target) != PG_RUNTIME_JVM)
			attach.target = NULL;
		return pg_is_self() ? 0 : pg_runtime_attached(&attach);
	}
	if (pg_starts(name, "perf-", 5)) {
		nr = pg_decimal(name + 5, &digits);
		bpf_probe_read_kernel(&end, sizeof(".map"), attach.name + 5 + digits);
		if (!digits || end != PG_END_MAP)
			return 0;
	} else if (pg_starts(name, "jit-", 4)) {
		nr = pg_decimal(name + 4, &digits);
		bpf_probe_read_kernel(&end, sizeof(".dump"), attach.name + 4 + digits);
		if (!digits || end != PG_END_DUMP)
			return 0;
	} else {
		return 0;
	}
	attach.target = pg_task_named(nr);
	attach.runtime = attach.target ? pg_runtime_of(attach.target) : 0;
	attach.even_own = true;
	return pg_runtime_attached(&attach);
}

#endif
