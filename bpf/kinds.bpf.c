/* One trivial program of each kind: whether it loads and attaches is what a kernel allows. Type
 * information, a name in securityfs or a function in BTF do not tell.
 */
#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

SEC("tracepoint/syscalls/sys_enter_perf_event_open")
int kind_tracepoint(void *ctx)
{
	return 0;
}

SEC("tp_btf/sched_process_exec")
int kind_tp_btf(void *ctx)
{
	return 0;
}

SEC("iter/task_file")
int kind_iter(void *ctx)
{
	return 0;
}

SEC("fentry/do_exit")
int kind_fentry(void *ctx)
{
	return 0;
}

SEC("kprobe/do_exit")
int kind_kprobe(void *ctx)
{
	return 0;
}

SEC("lsm/perf_event_alloc")
int kind_lsm(void *ctx)
{
	return 0;
}

SEC("cgroup/sysctl")
int kind_cgroup(void *ctx)
{
	return 1;
}
