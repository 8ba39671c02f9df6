/* The path of a file, by the kernel's own objects. */
#ifndef PG_PATH_H
#define PG_PATH_H

#include "events.h"

enum { PG_PATH_DEPTH = 24, PG_NAME_MAX = 256 };

struct pg_path_at {
	struct dentry *dentry;
	struct vfsmount *mnt;
};

/* One step of the walk from a file to the root; false at its end. `out->path_size` has the bytes used
 * so far: kept in the record, it is an unknown number to the verifier at every step, which then
 * sees that all steps are alike.
 */
static __noinline bool pg_path_step(struct pg_sched_process_exec *out, struct pg_path_at *at)
{
	struct dentry *dentry = at->dentry, *parent = PG_READ(dentry, d_parent);
	struct mount *mount = (void *)at->mnt - bpf_core_field_offset(struct mount, mnt);
	__u32 used = out->path_size;
	long size;

	if (dentry == PG_READ(mount, mnt.mnt_root) || dentry == parent) {
		struct mount *above = PG_READ(mount, mnt_parent);

		at->dentry = PG_READ(mount, mnt_mountpoint);
		at->mnt = __builtin_preserve_access_index(&above->mnt);
		return above != mount;
	}
	if (used > sizeof(out->pathname) - PG_NAME_MAX) {
		out->path_size = 0; /* a cut path would be a wrong one */
		return false;
	}
	size = bpf_probe_read_kernel_str(&out->pathname[used], PG_NAME_MAX,
					 PG_READ(dentry, d_name.name));
	out->path_size = used + size;
	at->dentry = parent;
	return size > 0;
}

/* The components of a file's path, leaf first. */
static __always_inline void pg_path(struct pg_sched_process_exec *out, struct file *file)
{
	struct pg_path_at at;

	at.dentry = PG_READ(file, f_path.dentry);
	at.mnt = PG_READ(file, f_path.mnt);
	out->path_size = 0;
	for (int i = 0; i < PG_PATH_DEPTH; i++)
		if (!pg_path_step(out, &at))
			return;
	out->path_size = 0; /* too deep */
}

#endif
