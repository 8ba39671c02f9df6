/* System calls by their own tracepoints: these cost an unrelated call next to nothing, where
 * raw_syscalls would cost every one. They miss the 32-bit entry.
 */
#ifndef PG_ON_TRACEPOINT_H
#define PG_ON_TRACEPOINT_H

/* The records of the syscall tracepoints: fixed, see events/syscalls/.../format. */
struct pg_sys_enter {
	__u64 common;
	__s64 nr;
	__u64 args[6];
};

struct pg_sys_exit {
	__u64 common;
	__s64 nr;
	__s64 ret;
};

#define PG_TRACED_ENTRY(probe, call)                                                         \
	static __always_inline int probe##_entered(const __u64 *args);                       \
	SEC("tracepoint/syscalls/sys_enter_" #call)                                          \
	int PG_RAW(probe##__enter)(struct pg_sys_enter *ctx)                                 \
	{                                                                                    \
		return probe##_entered(ctx->args);                                           \
	}                                                                                    \
	static __always_inline int probe##_entered(const __u64 *args)

#define PG_TRACED_RETURN(probe, call)                                                        \
	static __always_inline int probe##_returned(long ret);                               \
	SEC("tracepoint/syscalls/sys_exit_" #call)                                           \
	int PG_RAW(probe##__leave)(struct pg_sys_exit *ctx)                                  \
	{                                                                                    \
		return probe##_returned(ctx->ret);                                           \
	}                                                                                    \
	static __always_inline int probe##_returned(long ret)

#ifndef PG_CALL_ENTRY /* a tier that hooks the calls' functions has its own */
#define PG_CALL_ENTRY PG_TRACED_ENTRY
#define PG_CALL_RETURN PG_TRACED_RETURN
#endif

#endif
