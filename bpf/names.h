/* Paths of files, by the kernel's own objects: the components, leaf first, each ended by a NUL. */
#ifndef PG_NAMES_H
#define PG_NAMES_H

enum { PG_PATH_SIZE = 512, PG_NAME_MAX = 256, PG_NAMES_DEPTH = 12 };

/* Adds the name of a directory entry; false where there is no room, and then there is no path: a cut one
 * would be a wrong one. `size` has the bytes used so far: kept in the record, it is an unknown number to
 * the verifier at every step, which then sees that all steps are alike.
 */
static __always_inline bool pg_name_add(char (*path)[PG_PATH_SIZE], __u32 *size,
					struct dentry *dentry)
{
	__u32 used = *size;
	long added;

	if (used > PG_PATH_SIZE - PG_NAME_MAX) {
		*size = 0;
		return false;
	}
	added = bpf_probe_read_kernel_str(&(*path)[used], PG_NAME_MAX,
					  PG_READ(dentry, d_name.name));
	*size = used + added;
	return added > 0;
}

#endif
