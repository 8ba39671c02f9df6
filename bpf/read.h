/* Reading members of the kernel's structs. */
#ifndef PG_READ_H
#define PG_READ_H

/* Tells the verifier of what type a kernel address is (since 6.2); the program does nothing for it. */
extern void *bpf_rdonly_cast(void *address, __u32 type) __ksym __weak;

enum special_kfunc_type { KF_bpf_rdonly_cast }; /* those that the verifier knows */

#define pg_typed(address)                                                                    \
	((typeof(address))bpf_rdonly_cast(address, bpf_core_type_id_kernel(typeof(*(address)))))

/* The verifier knows of what type a pointer is that was loaded so, and lets it not be passed to every
 * function. Negated twice it is a number to it, as what a helper has read.
 */
static __always_inline __u64 pg_number(__u64 value)
{
	asm volatile("%0 = -%0\n%0 = -%0" : "+r"(value));
	return value;
}

/* PG_READ(task, real_parent, tgid) is task->real_parent->tgid, or 0 where that cannot be read. Each
 * arrow is a load where the kernel allows that, and elsewhere a helper's call, which takes twenty
 * times as long. The verifier drops the other way.
 */
#define PG_READ(from, members...)                                                            \
	(bpf_core_enum_value_exists(enum special_kfunc_type, KF_bpf_rdonly_cast)             \
		 ? (___type((from), members))pg_number((__u64)___arrow(pg_typed(from), members)) \
		 : BPF_CORE_READ(from, members))

#endif
