/* How BCC compiles the probes on the machine itself: in the place of core.h, with the headers of the
 * running kernel, which has no type information to fit them by.
 *
 * Everything here is for BCC's compiler and loader. They know only programs: no data, no functions that
 * are called, no maps but their own. So all functions are inlined, and the maps are made before, by
 * libbpf: their descriptors are macros PG_FD_*.
 */
#ifndef PG_BCC_H
#define PG_BCC_H

/* BCC comes with a uapi/linux/bpf.h of its own age, which is included already. Newer headers take the
 * size of what it may lack; nothing here depends on it.
 */
struct pg_opaque {
	__u64 opaque[4];
};
#define bpf_wq pg_opaque
#define bpf_rb_root pg_opaque
#define bpf_rb_node pg_opaque
#define bpf_refcount pg_opaque

#include <linux/binfmts.h>
#include <linux/bpf.h>
#include <linux/cgroup-defs.h>
#include <linux/cred.h>
#include <linux/dcache.h>
#include <linux/fdtable.h>
#include <linux/fs.h>
#include <linux/kernfs.h>
#include <linux/mm_types.h>
#include <linux/mount.h>
#include <linux/nsproxy.h>
#include <linux/perf_event.h>
#include <linux/pid_namespace.h>
#include <linux/posix-timers.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/version.h>
#include <net/af_unix.h>
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 9, 0) /* later ones need a newer uapi, and not this */
#include <linux/filter.h>			 /* has struct bpf_prog where bpf.h does not */
#endif

#if defined(__x86_64__)
#define __TARGET_ARCH_x86
#elif defined(__aarch64__)
#define __TARGET_ARCH_arm64
#endif

/* fs/proc/internal.h, which is among no headers; only where the inode is in it matters. */
struct proc_inode {
	struct pid *pid;
	unsigned int fd;
	void *op, *pde, *sysctl, *sysctl_entry;
	struct hlist_node sibling_inodes;
	const void *ns_ops;
	struct inode vfs_inode;
};

#undef __noinline
#define __noinline __always_inline
#define PG_GLOBAL static __always_inline
/* One less than elsewhere: with everything inlined, the verifier of 6.1 gives up on three. */
enum { PG_MAX_OWNERS = 2 };

#define PG_LICENSE /* BCC's own is the GPL */

/* A map that is declared here is a type: its size is the descriptor of the map. */
#define PG_RING(name, size) extern struct { char fd[PG_FD_##name]; } name
#define PG_MAP(name, map_type, key_type, value_type, entries) PG_RING(name, entries)
#define PG_TRIE(name, key_type, value_type, entries) PG_RING(name, entries)
#define PG_AT(map) ((void *)bpf_pseudo_fd(BPF_PSEUDO_MAP_FD, sizeof(*(map))))
#define PG_VALUE(fd) bpf_pseudo_fd(BPF_PSEUDO_MAP_VALUE, fd)

#define bpf_map_lookup_elem(map, key) bpf_map_lookup_elem_((__u64)PG_AT(map), key)
#define bpf_map_update_elem(map, key, value, flags)                                          \
	bpf_map_update_elem_((__u64)PG_AT(map), key, value, flags)
#define bpf_map_delete_elem(map, key) bpf_map_delete_elem_((__u64)PG_AT(map), key)
#define bpf_ringbuf_reserve(map, size, flags) bpf_ringbuf_reserve(PG_AT(map), size, flags)

/* Reads through one pointer after the other, as libbpf's macros of the same names do. */
#define bpf_core_read(to, size, from) bpf_probe_read_kernel(to, size, (const void *)(from))
#define PG_HOP(from, member)                                                                 \
	({                                                                                   \
		typeof((from)->member) read_;                                                \
		bpf_probe_read_kernel((void *)&read_, sizeof(read_), &(from)->member);       \
		read_;                                                                       \
	})
#define PG_READ1(from, a) PG_HOP(from, a)
#define PG_READ2(from, a, b) PG_HOP(PG_HOP(from, a), b)
#define PG_READ3(from, a, b, c) PG_HOP(PG_READ2(from, a, b), c)
#define PG_READ4(from, a, b, c, d) PG_HOP(PG_READ3(from, a, b, c), d)
#define PG_PICK(a, b, c, d, picked, ...) picked
#define PG_READ(from, members...)                                                            \
	PG_PICK(members, PG_READ4, PG_READ3, PG_READ2, PG_READ1)(from, members)
#define BPF_CORE_READ_INTO(to, from, member)                                                 \
	bpf_probe_read_kernel(to, sizeof(*(to)), &(from)->member)
#define bpf_core_field_offset(type, member) __builtin_offsetof(type, member)
#define __builtin_preserve_access_index(place) (place)

/* A program is a function that is called by the one that BCC makes of it. */
#undef SEC
#define SEC(where) static __always_inline
#define PG_RAW(program) program##_at
#define PG_ARGS0(...)
#define PG_ARGS1(a) , (void *)PT_REGS_PARM1(ctx)
#define PG_ARGS2(a, b) PG_ARGS1(a), (void *)PT_REGS_PARM2(ctx)
#define PG_ARGS3(a, b, c) PG_ARGS2(a, b), (void *)PT_REGS_PARM3(ctx)
#define PG_ARGS4(a, b, c, d) PG_ARGS3(a, b, c), (void *)PT_REGS_PARM4(ctx)
#define BPF_KPROBE(name, parameters...)                                                      \
	name##_called(struct pt_regs *ctx, parameters);                                      \
	static __always_inline int name##_at(struct pt_regs *ctx)                            \
	{                                                                                    \
		return name##_called(ctx PG_PICK(parameters, PG_ARGS4, PG_ARGS3, PG_ARGS2,   \
						 PG_ARGS1)(parameters));                     \
	}                                                                                    \
	static __always_inline int name##_called(struct pt_regs *ctx, parameters)
#define BPF_KRETPROBE(name, result)                                                          \
	name##_called(result);                                                               \
	static __always_inline int name##_at(struct pt_regs *ctx)                            \
	{                                                                                    \
		return name##_called(PT_REGS_RC(ctx));                                       \
	}                                                                                    \
	static __always_inline int name##_called(result)

#pragma clang diagnostic ignored "-Wint-conversion"

#endif
