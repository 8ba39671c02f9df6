/* The path of a file from the root of all mounts. */
#ifndef PG_PATH_H
#define PG_PATH_H

#include "events.h"
#include "names.h"

enum { PG_PATH_DEPTH = 24 };

struct pg_path_at {
	struct dentry *dentry;
	struct vfsmount *mnt;
};

/* One step of the walk from a file to the root; false at its end. */
static __noinline bool pg_path_step(struct pg_sched_process_exec *out, struct pg_path_at *at)
{
	struct dentry *dentry = at->dentry, *parent = PG_READ(dentry, d_parent);
	struct mount *mount = (void *)at->mnt - bpf_core_field_offset(struct mount, mnt);

	if (dentry == PG_READ(mount, mnt.mnt_root) || dentry == parent) {
		struct mount *above = PG_READ(mount, mnt_parent);

		at->dentry = PG_READ(mount, mnt_mountpoint);
		at->mnt = __builtin_preserve_access_index(&above->mnt);
		return above != mount;
	}
	at->dentry = parent;
	return pg_name_add(&out->pathname, &out->path_size, dentry);
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
