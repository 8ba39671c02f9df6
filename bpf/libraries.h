/* A process maps a library to run it: mmap(2) with PROT_EXEC, of a file with a known name. */
#ifndef PG_LIBRARIES_H
#define PG_LIBRARIES_H

enum { PG_PROT_EXEC = 4, PG_MAP_ANONYMOUS = 0x20, PG_MNT_NOEXEC = 4, PG_PAGE = 4096 };

/* shared_object_loaded: of a file that is mapped to be run, if it has one of the names. */
static __always_inline int pg_library_mapped(struct file *file)
{
	struct pg_shared_object_loaded *out;
	struct inode *inode;

	if (pg_is_self() || !pg_file_name_find(file, PG_NAME_AGENT))
		return 0;
	if (!pg_admits(PG_EVENT_SHARED_OBJECT_LOADED, pg_current(), 0))
		return 0;
	/* Too large for PG_RESERVE to zero: what is not set below is not sent. */
	out = pg_reserve(PG_EVENT_SHARED_OBJECT_LOADED, sizeof(*out), PG_ROUTINE);
	if (!out)
		return 0;
	inode = PG_READ(file, f_inode);
	pg_task_fill(&out->process, pg_current());
	out->target = out->process;
	out->flags = PG_READ(file, f_flags);
	out->dev = PG_READ(inode, i_sb, s_dev);
	out->inode = PG_READ(inode, i_ino);
	out->ctime = pg_ctime(inode);
	out->owner_id = PG_READ(inode, i_uid.val);
	out->file_name[0] = 0;
	bpf_probe_read_kernel_str(&out->file_name, sizeof(out->file_name),
				  PG_READ(file, f_path.dentry, d_name.name));
	pg_file_path(&out->pathname, &out->path_size, file);
	pg_submit(out);
	return 0;
}

/* The call has only begun: to be there at its end would cost every mmap as much again. So this is what
 * the kernel refuses a file for, other than for want of room.
 */
static __always_inline int pg_library_asked(struct file *file, __u64 size, __u64 prot, __u64 offset)
{
	if (!(prot & PG_PROT_EXEC) || !size || offset % PG_PAGE)
		return 0;
	if (PG_READ(file, f_path.mnt, mnt_flags) & PG_MNT_NOEXEC ||
	    !(PG_READ(file, f_mode) & PG_FMODE_READ))
		return 0;
	return pg_library_mapped(file);
}

/* mmap(addr, size, prot, flags, fd, offset) */
static __always_inline int pg_mmap_begin(const __u64 *args)
{
	struct file *file;

	if (!(args[2] & PG_PROT_EXEC) || args[3] & PG_MAP_ANONYMOUS)
		return 0;
	file = (void *)pg_file_of_fd(args[4]);
	return file ? pg_library_asked(file, args[1], args[2], args[5]) : 0;
}

#endif
