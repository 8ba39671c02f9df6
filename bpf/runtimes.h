/* A process gets a language's runtime to open up: a JVM to load an agent, Node.js its inspector. */
#ifndef PG_RUNTIMES_H
#define PG_RUNTIMES_H

enum { PG_SIGQUIT = 3, PG_SIGUSR1 = 10, PG_SI_QUEUE = -1, PG_SI_TKILL = -6, PG_AF_UNIX = 1 };
#define PG_JAVA_PID 0x69705f6176616a2eull /* ".java_pi", with which the socket of a JVM begins */

/* What is done to whose runtime; the name is that of a file, in the kernel. */
struct pg_attach {
	struct task_struct *target;
	const char *name;
	__u8 runtime;
	__u8 how;
	__u8 signal;
};

static __always_inline int pg_runtime_attached(struct pg_attach *attach)
{
	struct task_struct *target = attach->target;
	struct pg_runtime_attach *out;

	if (target && PG_READ(target, tgid) == bpf_get_current_pid_tgid() >> 32)
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

/* A signal that a process has sent another one, and that will be delivered. What runs there is told by
 * the name of its executable: a thread may call itself anything.
 */
static __always_inline int pg_runtime_signalled(int signal, struct kernel_siginfo *info,
						struct task_struct *target)
{
	struct pg_attach attach = {.target = target, .how = PG_VIA_SIGNAL, .signal = signal};
	struct file *file;
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
	file = PG_READ(target, mm, exe_file);
	attach.runtime = pg_file_name_find(file, PG_NAME_RUNTIME);
	if (attach.runtime != (signal == PG_SIGQUIT ? PG_RUNTIME_JVM : PG_RUNTIME_NODE))
		return 0;
	return pg_runtime_attached(&attach);
}

/* A process connects to a socket of this address, where the owner listens. */
static __always_inline int pg_runtime_connected(struct unix_sock *address, struct pid *owner)
{
	struct pg_attach attach = {.runtime = PG_RUNTIME_JVM, .how = PG_VIA_CONNECT};
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

#endif
