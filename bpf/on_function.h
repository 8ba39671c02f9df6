/* System calls by the functions that carry them out, one for each ABI: so the 32-bit entry is seen.
 * A tier has defined PG_ENTRY and PG_RETURN before.
 */
#ifndef PG_ON_FUNCTION_H
#define PG_ON_FUNCTION_H

#if defined(__TARGET_ARCH_x86)
#define PG_CALL_ABIS(PG_ABI, probe, call)                                                    \
	PG_ABI(probe, x64, __x64_sys_##call, pg_args_x64)                                    \
	PG_ABI(probe, ia32, __ia32_sys_##call, pg_args_ia32)                                 \
	PG_ABI(probe, compat, __ia32_compat_sys_##call, pg_args_ia32)

#elif defined(__TARGET_ARCH_arm64)
#define PG_CALL_ABIS(PG_ABI, probe, call)                                                    \
	PG_ABI(probe, arm64, __arm64_sys_##call, pg_args_arm64)                              \
	PG_ABI(probe, compat, __arm64_compat_sys_##call, pg_args_arm64)
#endif

#define PG_ENTRY_OF_ABI(probe, abi, function, read_args)                                     \
	PG_ENTRY(probe, enter__##abi, function, const struct pt_regs *regs)                  \
	{                                                                                    \
		__u64 args[6] = {};                                                          \
                                                                                             \
		read_args(args, regs);                                                       \
		return probe##_entered(args);                                                \
	}

#define PG_RETURN_OF_ABI(probe, abi, function, read_args)                                    \
	PG_RETURN(probe, leave__##abi, function, 1, long ret)                                \
	{                                                                                    \
		return probe##_returned(ret);                                                \
	}

#define PG_CALL_ENTRY(probe, call)                                                           \
	static __always_inline int probe##_entered(const __u64 *args);                       \
	PG_CALL_ABIS(PG_ENTRY_OF_ABI, probe, call)                                           \
	static __always_inline int probe##_entered(const __u64 *args)

#define PG_CALL_RETURN(probe, call)                                                          \
	static __always_inline int probe##_returned(long ret);                               \
	PG_CALL_ABIS(PG_RETURN_OF_ABI, probe, call)                                          \
	static __always_inline int probe##_returned(long ret)

#endif
