/* The kernel types that the probes read, and of them only the members used (CO-RE finds the rest).
 *
 * Types with preserve_access_index are relocated at load to the running kernel's layout. Where a
 * kernel changed a member's kind, both kinds are declared here and told apart by
 * bpf_core_field_exists(), never by a version.
 */
#ifndef PG_KERNEL_H
#define PG_KERNEL_H

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed char __s8;
typedef short __s16;
typedef int __s32;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef _Bool bool;
enum { false, true };

#define NULL ((void *)0)

/* Tells libbpf's headers that struct pt_regs is the kernel's own. */
#define __VMLINUX_H__

/* UAPI numbers (linux/bpf.h). */
enum { BPF_MAP_TYPE_HASH = 1, BPF_MAP_TYPE_PERCPU_ARRAY = 6, BPF_MAP_TYPE_LRU_HASH = 9,
       BPF_MAP_TYPE_LPM_TRIE = 11, BPF_MAP_TYPE_RINGBUF = 27 };
enum { BPF_F_NO_PREALLOC = 1 };
enum bpf_func_id { BPF_FUNC_snprintf = 165, BPF_FUNC_task_pt_regs = 175 };
enum { BPF_ANY = 0, BPF_NOEXIST = 1, BPF_EXIST = 2 };

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct list_head {
	struct list_head *next, *prev;
};

struct hlist_node {
	struct hlist_node *next;
};

struct hlist_head {
	struct hlist_node *first;
};

typedef struct {
	int counter;
} atomic_t;

typedef struct {
	__s64 counter;
} atomic64_t;

typedef struct {
	unsigned int val;
} kuid_t;

typedef struct {
	unsigned int val;
} kgid_t;

struct xa_node {
	unsigned char shift;
	void *slots[64];
};

struct xarray {
	void *xa_head;
};

struct idr {
	struct xarray idr_rt;
};

struct ns_common {
	unsigned int inum;
};

struct pid_namespace {
	struct idr idr;
	struct ns_common ns;
};

struct mnt_namespace {
	struct ns_common ns;
};

struct nsproxy {
	struct mnt_namespace *mnt_ns;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct pid {
	unsigned int level;
	struct hlist_head tasks[4];
	struct upid numbers[1];
};

struct cred {
	kuid_t uid;
	kgid_t gid;
};

struct kernfs_node {
	__u64 id;
};

struct cgroup {
	struct kernfs_node *kn;
};

struct css_set {
	struct cgroup *dfl_cgrp;
};

struct qstr {
	const unsigned char *name;
};

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
};

struct vfsmount {
	struct dentry *mnt_root;
	int mnt_flags;
};

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct super_block {
	__u32 s_dev;
	unsigned long s_magic;
};

struct inode {
	kuid_t i_uid;
	unsigned long i_ino;
	struct super_block *i_sb;
	void *i_private;
	__s64 i_ctime_sec; /* since 6.11 (3aa63a569c64) */
	__u32 i_ctime_nsec;
};

/* An inode of procfs: of files below /proc/PID, with the pid. */
struct proc_inode {
	struct pid *pid;
	struct inode vfs_inode;
};

struct file;

struct file_operations {
	long (*unlocked_ioctl)(struct file *, unsigned int, unsigned long);
};

typedef struct {
	atomic64_t refcnt;
} file_ref_t;

struct file {
	const struct file_operations *f_op;
	unsigned int f_flags;
	unsigned int f_mode;
	void *private_data;
	struct path f_path;
	struct inode *f_inode;
	file_ref_t f_ref; /* since 6.13 (90ee6ed776c0): references - 1 */
};

struct file___f_count {
	atomic64_t f_count; /* before: references */
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct mm_struct {
	unsigned long arg_start;
	unsigned long arg_end;
	unsigned long env_start;
	unsigned long env_end;
	struct file *exe_file;
};

struct k_itimer {
	int it_clock;
	int it_id;
	struct signal_struct *it_signal;
};

struct linux_binprm {
	struct file *file;
	const char *filename;
};

struct cpu_itimer {
	__u64 expires;
	__u64 incr;
};

struct signal_struct {
	atomic_t live;
	struct cpu_itimer it[2]; /* CPUCLOCK_PROF, CPUCLOCK_VIRT */
};

struct timespec64 {
	__s64 tv_sec;
	long tv_nsec;
};

struct inode___ctime { /* from 6.6 on (13bc24457850) */
	struct timespec64 __i_ctime;
};

struct inode___ctime_before {
	struct timespec64 i_ctime;
};

struct itimerspec64 {
	struct timespec64 it_interval;
	struct timespec64 it_value;
};

struct perf_event_context;

struct task_struct {
	unsigned int flags;
	int pid;
	int tgid;
	int exit_code;
	unsigned int ptrace;
	__u64 start_boottime;
	struct task_struct *group_leader;
	struct task_struct *real_parent;
	struct task_struct *parent;
	struct pid *thread_pid;
	struct hlist_node pid_links[4];
	const struct cred *real_cred;
	struct nsproxy *nsproxy;
	struct css_set *cgroups;
	struct files_struct *files;
	struct signal_struct *signal;
	struct mm_struct *mm;
	char comm[16];
	struct list_head perf_event_list;
	struct perf_event_context *perf_event_ctxp; /* since 6.2 (bd2756811766) */
};

struct task_struct___ctxp_array {
	struct perf_event_context *perf_event_ctxp[2]; /* before: hardware, software */
};

struct perf_event_context {
	struct task_struct *task;
	struct list_head event_list;
};

struct pmu {
	const char *name;
};

struct hw_perf_event {
	struct task_struct *target;
};

/* UAPI, but the kernel's BTF has it too; the flag bits are read as one word, see perf.h. */
struct perf_event_attr {
	__u32 type;
	__u32 size;
	__u64 config;
	__u64 sample_period;
	__u64 sample_type;
	__u64 read_format;
};

struct cgroup_subsys_state {
	struct cgroup *cgroup;
};

struct perf_cgroup {
	struct cgroup_subsys_state css;
};

struct trace_event_call;

/* Below PERF_EVENT_STATE_INACTIVE an event is off, failed or gone. */
enum perf_event_state { PERF_EVENT_STATE_OFF = -1, PERF_EVENT_STATE_INACTIVE = 0 };

struct perf_event {
	struct list_head event_entry;
	struct list_head sibling_list;
	struct perf_event *group_leader;
	struct pmu *pmu;
	enum perf_event_state state;
	struct perf_event_attr attr;
	struct hw_perf_event hw;
	struct perf_event *parent;
	int cpu;
	struct list_head owner_entry;
	struct task_struct *owner;
	__u64 id;
	struct trace_event_call *tp_event; /* of a tracepoint or a dynamic probe */
	struct perf_cgroup *cgrp;
};

/* Of the enumerations one member each, so that they are enumerations: CO-RE compares kinds. */
enum bpf_prog_type { BPF_PROG_TYPE_UNSPEC };
enum bpf_attach_type { BPF_CGROUP_INET_INGRESS };
enum bpf_link_type { BPF_LINK_TYPE_UNSPEC };

struct bpf_prog;

struct bpf_prog_aux {
	__u32 id;
	const char *attach_func_name;
	struct bpf_prog *prog;
	char name[16];
};

struct bpf_prog {
	enum bpf_prog_type type;
	enum bpf_attach_type expected_attach_type;
	__u32 len;
	__u8 tag[8];
	struct bpf_prog_aux *aux;
};

struct bpf_link {
	enum bpf_link_type type;
	struct bpf_prog *prog;
};

struct tracepoint {
	const char *name;
};

struct bpf_raw_event_map {
	struct tracepoint *tp;
};

/* Begins with the link, and so does the next one. */
struct bpf_raw_tp_link {
	struct bpf_raw_event_map *btp;
};

struct bpf_perf_link { /* since 5.15 (b89fbfbb854c) */
	struct file *perf_file;
};

struct kernel_siginfo {
	int si_code;
};

struct sock_common {
	unsigned short skc_family;
};

struct sock {
	struct sock_common __sk_common;
	struct pid *sk_peer_pid;
};

struct socket {
	struct sock *sk;
};

/* Begins with the sock. */
struct unix_sock {
	struct path path;
	struct sock *peer;
};

/* The context of a program that is called when a setting is read or written (UAPI). */
struct bpf_sysctl {
	__u32 write;
	__u32 file_pos;
};

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	__u32 fd;
	struct file *file;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, ip, sp;
};
#elif defined(__TARGET_ARCH_arm64)
struct user_pt_regs {
	__u64 regs[31], sp, pc;
};
#endif

#pragma clang attribute pop

#endif
