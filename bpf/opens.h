/* Files that are opened to get at processes: the memory of one, and what the kernel traces of all. */
#ifndef PG_OPENS_H
#define PG_OPENS_H

#include "names.h"

enum { PG_PROC_MAGIC = 0x9fa0, PG_TRACEFS_MAGIC = 0x74726163 }; /* linux/magic.h */
enum { PG_MEM_NAME = 'm' | 'e' << 8 | 'm' << 16 }; /* the text, as a number, with its end */
enum { PG_FMODE_READ = 1, PG_FMODE_WRITE = 2, PG_FMODE_CREATED = 0x100000 };
enum { PG_EPERM = 1, PG_EACCES = 13 };

/* How a file is open; 0 is no way to read or write it (O_PATH). */
static __always_inline __u32 pg_open_mode(struct file *file)
{
	return PG_READ(file, f_mode) & (PG_FMODE_READ | PG_FMODE_WRITE);
}

/* Whom a file below /proc/PID is about; NULL where it is about no process, and where that is gone. */
static __always_inline struct task_struct *pg_task_of_proc(struct inode *inode)
{
	struct proc_inode *of = (void *)inode - bpf_core_field_offset(struct proc_inode, vfs_inode);
	struct pid *pid = PG_READ(of, pid);

	return pid ? pg_task_of_pid(pid) : NULL;
}

/* proc_mem_open: the memory of a task is opened, or could not be. */
static __always_inline int pg_mem_opened(struct task_struct *target, __u32 mode, __s64 ret)
{
	struct pg_proc_mem_open *out;

	if (pg_is_self() ||
	    (target && PG_READ(target, tgid) == bpf_get_current_pid_tgid() >> 32) ||
	    !pg_admits(PG_EVENT_PROC_MEM_OPEN, target, 0))
		return 0;
	out = PG_RESERVE(pg_proc_mem_open, PG_EVENT_PROC_MEM_OPEN, PG_ROUTINE);
	if (!out)
		return 0;
	pg_task_fill(&out->process, pg_current());
	if (target)
		pg_task_fill(&out->target, target);
	out->ret = ret;
	out->mode = mode;
	pg_submit(out);
	return 0;
}

/* mem_open(inode, file): what the kernel calls for that file only. */
static __always_inline int pg_mem_open_begin(struct inode *inode, struct file *file)
{
	struct pg_call call = {.args = {pg_open_mode(file)}};

	call.target = pg_task_of_proc(inode);
	pg_call_begin(PG_EVENT_PROC_MEM_OPEN, &call);
	return 0;
}

static __always_inline int pg_mem_open_end(__s64 ret)
{
	struct pg_call call;

	if (!pg_call_end(PG_EVENT_PROC_MEM_OPEN, &call))
		return 0;
	return pg_mem_opened(call.target, call.args[0], ret);
}

/* Of a file system that all processes read, each for its own sake: hardly ever one that is told. */
static __always_inline int pg_proc_opened(struct file *file)
{
	struct task_struct *target;
	__u32 name = 0;

	if (!pg_is_wanted(PG_EVENT_PROC_MEM_OPEN))
		return 0;
	bpf_probe_read_kernel(&name, sizeof(name), PG_READ(file, f_path.dentry, d_name.name));
	if (name != PG_MEM_NAME || !pg_open_mode(file))
		return 0;
	target = pg_task_of_proc(PG_READ(file, f_inode));
	return target ? pg_mem_opened(target, pg_open_mode(file), 0) : 0;
}

/* One step from a file of tracefs to its root; false at the end. In a function of its own, since the
 * verifier follows what is in a loop once for each round.
 */
static __noinline bool pg_tracefs_step(struct pg_tracefs_write *out, struct dentry **at)
{
	struct dentry *dentry = *at, *parent = PG_READ(dentry, d_parent);

	*at = parent;
	return dentry != parent && pg_name_add(&out->file, &out->file_size, dentry);
}

/* tracefs_write: a file that controls the kernel's tracing is opened to be written. */
static __always_inline int pg_tracefs_opened(struct file *file)
{
	struct pg_tracefs_write *out;
	struct dentry *at;

	if (!(pg_open_mode(file) & PG_FMODE_WRITE) || pg_is_self() ||
	    !pg_admits(PG_EVENT_TRACEFS_WRITE, NULL, 0))
		return 0;
	out = PG_RESERVE(pg_tracefs_write, PG_EVENT_TRACEFS_WRITE, PG_ROUTINE);
	if (!out)
		return 0;
	pg_task_fill(&out->process, pg_current());
	out->mode = pg_open_mode(file);
	at = PG_READ(file, f_path.dentry);
	for (int i = 0; i < PG_NAMES_DEPTH; i++)
		if (!pg_tracefs_step(out, &at))
			break;
	pg_submit(out);
	return 0;
}

/* An open has succeeded: of almost all, the magic number of the file system is all that is read, and
 * whether the file was made.
 */
static __always_inline int pg_opened(struct file *file)
{
	if (pg_is_wanted(PG_EVENT_RUNTIME_ATTACH) && PG_READ(file, f_mode) & PG_FMODE_CREATED)
		return pg_runtime_file(file);
	switch (PG_READ(file, f_inode, i_sb, s_magic)) {
	case PG_PROC_MAGIC: /* elsewhere mem_open has told it */
		return PG_TIER == PG_TIER_TRACEPOINT ? pg_proc_opened(file) : 0;
	case PG_TRACEFS_MAGIC:
		return pg_tracefs_opened(file);
	}
	return 0;
}

/* open(path, flags), creat(path, mode), openat(dir, path, flags) and openat2(dir, path, how) */
enum pg_open_call { PG_OPEN, PG_CREAT, PG_OPENAT, PG_OPENAT2 };

/* The process of a path /proc/PID/mem, as the caller numbers it, or NULL. */
PG_GLOBAL __u64 pg_task_of_path(__u64 at)
{
	char path[20] = {};
	int nr = 0;

	bpf_probe_read_user_str(path, sizeof(path), (void *)at);
	if (!pg_starts(path, "/proc/", 6))
		return 0;
#pragma unroll
	for (int i = 6; i < 14; i++) { /* at most seven digits */
		if (path[i] < '0' || path[i] > '9')
			return pg_starts(path + i, "/mem", 5) ? pg_task_by_pid(nr) : 0;
		nr = 10 * nr + path[i] - '0';
	}
	return 0;
}

static __always_inline __u32 pg_asked_mode(enum pg_open_call call, const __u64 *args)
{
	__u64 flags = args[call == PG_OPEN ? 1 : 2];

	if (call == PG_CREAT)
		return PG_FMODE_WRITE;
	if (call == PG_OPENAT2) /* they come first there */
		bpf_probe_read_user(&flags, sizeof(flags), (void *)flags);
	return (flags + 1) & (PG_FMODE_READ | PG_FMODE_WRITE);
}

/* Of an open that was refused there is no file: there is only what the caller has passed. */
static __always_inline int pg_open_refused(enum pg_open_call call, __s64 ret)
{
	struct task_struct *target;
	__u64 args[6] = {};

	if (!pg_is_wanted(PG_EVENT_PROC_MEM_OPEN) || !pg_call_args(args))
		return 0;
	target = (void *)pg_task_of_path(args[call >= PG_OPENAT]);
	if (!target)
		return 0;
	return pg_mem_opened(target, pg_asked_mode(call, args), ret);
}

static __always_inline int pg_open_end(enum pg_open_call call, __s64 ret)
{
	struct file *file;

	if (PG_TIER == PG_TIER_TRACEPOINT && (ret == -PG_EACCES || ret == -PG_EPERM))
		return pg_open_refused(call, ret);
	file = ret < 0 ? NULL : (void *)pg_file_of_fd(ret);
	return file ? pg_opened(file) : 0;
}

#endif
