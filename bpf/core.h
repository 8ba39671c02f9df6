/* How the probes are compiled once for all kernels: libbpf fits them at load to the running one by its
 * type information (CO-RE). bcc.h is the other way.
 */
#ifndef PG_CORE_H
#define PG_CORE_H

#include "kernel.h"
#include "kernel_probes.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

/* A function that is verified once, for any arguments, and not again at each of its calls: several
 * times less work for the verifier here. Its arguments are numbers, which kernels before 5.13 demand.
 */
#define PG_GLOBAL __noinline

/* Profilers of one task that are told apart. */
enum { PG_MAX_OWNERS = 3 };

/* The name of a program that takes its context as it is. */
#define PG_RAW(program) program

#define PG_LICENSE char LICENSE[] SEC("license") = "GPL";

#define PG_RING(name, size)                                                                  \
	struct {                                                                             \
		__uint(type, BPF_MAP_TYPE_RINGBUF);                                          \
		__uint(max_entries, size);                                                   \
	} name SEC(".maps")
#define PG_MAP(name, map_type, key_type, value_type, entries)                                \
	struct {                                                                             \
		__uint(type, BPF_MAP_TYPE_##map_type);                                       \
		__uint(max_entries, entries);                                                \
		__type(key, key_type);                                                       \
		__type(value, value_type);                                                   \
	} name SEC(".maps")
/* Finds the longest of its keys that another one begins with. */
#define PG_TRIE(name, key_type, value_type, entries)                                         \
	struct {                                                                             \
		__uint(type, BPF_MAP_TYPE_LPM_TRIE);                                         \
		__uint(map_flags, BPF_F_NO_PREALLOC);                                        \
		__uint(max_entries, entries);                                                \
		__type(key, key_type);                                                       \
		__type(value, value_type);                                                   \
	} name SEC(".maps")

#endif
