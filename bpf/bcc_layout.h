/* What kernels keep in different places, told apart by their headers: in the place of layout.h and
 * path.h. What these headers do not have is not known here: 0.
 */
#ifndef PG_BCC_LAYOUT_H
#define PG_BCC_LAYOUT_H

#include <linux/version.h>
#include "events.h"
#include "names.h"

static __always_inline bool pg_file_is_last(struct file *file)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0) /* 90ee6ed776c0 */
	return PG_READ(file, f_ref.refcnt.counter) == 0;
#else
	return PG_READ(file, f_count.counter) == 1;
#endif
}

static __always_inline struct perf_event_context *pg_perf_context(struct task_struct *task, int i)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0) /* bd2756811766 */
	return i ? NULL : PG_READ(task, perf_event_ctxp);
#else
	return i ? PG_READ(task, perf_event_ctxp[1]) : PG_READ(task, perf_event_ctxp[0]);
#endif
}

static __always_inline __u64 pg_perf_cgroup(struct perf_event *event)
{
#ifdef CONFIG_CGROUP_PERF
	struct perf_cgroup *of = PG_READ(event, cgrp);

	return of ? PG_READ(of, css.cgroup, kn, id) : 0;
#else
	return 0;
#endif
}

/* The links of each type are the kernel's own. */
static __always_inline const char *pg_bpf_link_tracepoint(struct bpf_link *link)
{
	return NULL;
}

static __always_inline struct file *pg_bpf_link_file(struct bpf_link *link)
{
	return NULL;
}

enum { PG_CTIME_QUERIED = 1u << 31 }; /* a flag in it, since 6.13 (4e40eff0b573) */

static __always_inline __u64 pg_ctime(struct inode *inode)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0) /* 3aa63a569c64 */
	return PG_READ(inode, i_ctime_sec) * 1000000000ull +
	       (PG_READ(inode, i_ctime_nsec) & ~PG_CTIME_QUERIED);
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0) /* 13bc24457850 */
	return PG_READ(inode, __i_ctime.tv_sec) * 1000000000ull + PG_READ(inode, __i_ctime.tv_nsec);
#else
	return PG_READ(inode, i_ctime.tv_sec) * 1000000000ull + PG_READ(inode, i_ctime.tv_nsec);
#endif
}

/* So is struct mnt_namespace. */
static __always_inline __u32 pg_mnt_ns(struct task_struct *task)
{
	return 0;
}

/* So is struct mount, without which the way from a file leads only to the root of its file system. */
static __always_inline void pg_file_path(char (*to)[PG_PATH_SIZE], __u32 *used, struct file *file)
{
	*used = 0;
}

/* BCC's own list of the helpers may be older than the one that tells. */
static __always_inline bool pg_call_args(__u64 *args)
{
	return false;
}

#endif
