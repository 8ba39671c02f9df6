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
static __noinline bool pg_path_step(char (*to)[PG_PATH_SIZE], __u32 *used, struct pg_path_at *at)
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
	return pg_name_add(to, used, dentry);
}

/* The components of a path, leaf first, and how many bytes they take: 0 where it is not known. */
static __always_inline void pg_path(char (*to)[PG_PATH_SIZE], __u32 *used, struct pg_path_at *at)
{
	*used = 0;
	for (int i = 0; i < PG_PATH_DEPTH; i++)
		if (!pg_path_step(to, used, at))
			return;
	*used = 0; /* too deep */
}

static __always_inline void pg_file_path(char (*to)[PG_PATH_SIZE], __u32 *used, struct file *file)
{
	struct pg_path_at at = {
		.dentry = PG_READ(file, f_path.dentry), .mnt = PG_READ(file, f_path.mnt),
	};

	pg_path(to, used, &at);
}

#endif
