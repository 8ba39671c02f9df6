/* The path of a file, by the kernel's own objects. */
#ifndef PG_PATH_H
#define PG_PATH_H

#include "events.h"

enum { PG_PATH_DEPTH = 24, PG_NAME_MAX = 256, PG_PATH_SIZE = 512 };

struct pg_path_at {
	struct dentry *dentry;
	struct vfsmount *mnt;
};

/* One step of the walk from a file to the root; false at its end. `path_size` has the bytes used
 * so far: kept in the record, it is an unknown number to the verifier at every step, which then
 * sees that all steps are alike.
 */
static __noinline bool pg_path_step(char *path, __u32 *path_size, struct pg_path_at *at)
{
	struct dentry *dentry = at->dentry, *parent = PG_READ(dentry, d_parent);
	struct mount *mount = (void *)at->mnt - bpf_core_field_offset(struct mount, mnt);
	__u32 used = *path_size;
	long size;

	if (dentry == PG_READ(mount, mnt.mnt_root) || dentry == parent) {
		struct mount *above = PG_READ(mount, mnt_parent);

		at->dentry = PG_READ(mount, mnt_mountpoint);
		at->mnt = __builtin_preserve_access_index(&above->mnt);
		return above != mount;
	}
	if (used > PG_PATH_SIZE - PG_NAME_MAX) {
		*path_size = 0; /* a cut path would be a wrong one */
		return false;
	}
	size = bpf_probe_read_kernel_str(&path[used], PG_NAME_MAX, PG_READ(dentry, d_name.name));
	*path_size = used + size;
	at->dentry = parent;
	return size > 0;
}

/* The components of a file's path, leaf first: `path` has room for PG_PATH_SIZE bytes. */
static __always_inline void pg_path(char *path, __u32 *path_size, struct file *file)
{
	struct pg_path_at at;

	at.dentry = PG_READ(file, f_path.dentry);
	at.mnt = PG_READ(file, f_path.mnt);
	*path_size = 0;
	for (int i = 0; i < PG_PATH_DEPTH; i++)
		if (!pg_path_step(path, path_size, &at))
			return;
	*path_size = 0; /* too deep */
}

#endif
