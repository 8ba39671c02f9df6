/* A process maps a library to run it: mmap(2) with PROT_EXEC, of a file with a known name. */
#ifndef PG_LIBRARIES_H
#define PG_LIBRARIES_H

enum { PG_PROT_EXEC = 4, PG_MAP_ANONYMOUS = 0x20 };

static __always_inline int pg_library_begin(struct file *file)
{
	struct pg_call call = {.args = {(__u64)file}};

	if (pg_is_self() || !pg_file_name_find(file, PG_NAME_AGENT))
		return 0;
	pg_call_begin(PG_EVENT_SHARED_OBJECT_LOADED, &call);
	return 0;
}

/* mmap(addr, length, prot, flags, fd, offset) */
static __always_inline int pg_mmap_begin(const __u64 *args)
{
	struct file *file;

	if (!(args[2] & PG_PROT_EXEC) || args[3] & PG_MAP_ANONYMOUS)
		return 0;
	if (!pg_is_wanted(PG_EVENT_SHARED_OBJECT_LOADED))
		return 0;
	file = (void *)pg_file_of_fd(args[4]);
	return file ? pg_library_begin(file) : 0;
}

/* shared_object_loaded: it is in place. The mapping keeps the file open. */
static __always_inline int pg_library_end(__s64 ret)
{
	struct pg_shared_object_loaded *out;
	struct pg_call call;
	struct inode *inode;
	struct file *file;

	if (!pg_call_end(PG_EVENT_SHARED_OBJECT_LOADED, &call))
		return 0;
	if (ret < 0 && ret > -4096)
		return 0;
	file = (void *)call.args[0];
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
	pg_path(&out->pathname, &out->path_size, file);
	pg_submit(out);
	return 0;
}

#endif
