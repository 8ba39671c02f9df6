/* The fentry tier: programs that functions of the kernel call themselves (trampolines), on kernels
 * where these load. exec, fork and interval timers have a tracepoint of that same kind.
 */
enum { PG_TIER = 2 };
#include "probe.h"
_Static_assert(PG_TIER == PG_TIER_FENTRY, "tier");

#define PG_ENTRY(probe, role, function, parameters...)                                       \
	SEC("fentry/" #function)                                                             \
	int BPF_PROG(probe##__##role, parameters)

#define PG_RETURN(probe, role, function, nr_parameters, result)                              \
	static __always_inline int probe##_at_##role(result);                                \
	SEC("fexit/" #function)                                                              \
	int probe##__##role(__u64 *ctx)                                                      \
	{                                                                                    \
		return probe##_at_##role(ctx[nr_parameters]);                                \
	}                                                                                    \
	static __always_inline int probe##_at_##role(result)

#include "functions.h"

SEC("fexit/vm_mmap_pgoff")
int BPF_PROG(mmap__done, struct file *file, unsigned long addr, unsigned long size,
	     unsigned long prot, unsigned long flags, unsigned long page, long ret)
{
	bool is_refused = ret < 0 && ret > -4096;

	return file && prot & PG_PROT_EXEC && !is_refused ? pg_library_mapped(file) : 0;
}

/* All opens pass it, by whatever call. */
SEC("fexit/vfs_open")
int BPF_PROG(opens__file, const struct path *path, struct file *file, int ret)
{
	return ret ? 0 : pg_opened(file);
}
