/* Whether a name is one of those that userspace looks for. */
#ifndef PG_LOOKOUT_H
#define PG_LOOKOUT_H

enum { PG_NAME_BITS = 8 * (1 + PG_NAME_TEXT) };

/* What userspace has put there for the name at this kernel address; 0 for all others. */
PG_GLOBAL __u32 pg_name_find(__u64 at, __u32 kind)
{
	struct pg_name name = {.bits = PG_NAME_BITS, .kind = kind};
	__u32 *found;

	if (bpf_probe_read_kernel_str(name.text, sizeof(name.text), (void *)at) <= 0)
		return 0;
	found = bpf_map_lookup_elem(&names, &name);
	return found ? *found : 0;
}

static __always_inline __u32 pg_file_name_find(struct file *file, __u32 kind)
{
	return pg_name_find((__u64)PG_READ(file, f_path.dentry, d_name.name), kind);
}

#endif
