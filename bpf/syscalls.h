/* The system calls that are attached to as such in every tier: no function inside them, or none in
 * all kernels, has both their arguments and their result.
 */
PG_CALL_ENTRY(perf_open, perf_event_open)
{
	return pg_perf_open_begin(args);
}

PG_CALL_RETURN(perf_open, perf_event_open)
{
	return pg_perf_open_end(ret);
}

PG_CALL_ENTRY(ptrace, ptrace)
{
	return pg_ptrace_begin(args);
}

PG_CALL_RETURN(ptrace, ptrace)
{
	return pg_ptrace_end(ret);
}

PG_CALL_ENTRY(vm_readv, process_vm_readv)
{
	return pg_memory_begin(PG_EVENT_PROCESS_VM_READV, args);
}

PG_CALL_RETURN(vm_readv, process_vm_readv)
{
	return pg_memory_end(PG_EVENT_PROCESS_VM_READV, ret);
}

PG_CALL_ENTRY(vm_writev, process_vm_writev)
{
	return pg_memory_begin(PG_EVENT_PROCESS_VM_WRITEV, args);
}

PG_CALL_RETURN(vm_writev, process_vm_writev)
{
	return pg_memory_end(PG_EVENT_PROCESS_VM_WRITEV, ret);
}

PG_CALL_ENTRY(timer_delete, timer_delete)
{
	return pg_timer_delete_begin(args);
}

PG_CALL_ENTRY(bpf, bpf)
{
	return pg_bpf_begin(args);
}

PG_CALL_RETURN(bpf, bpf)
{
	return pg_bpf_end(ret);
}

PG_CALL_ENTRY(pidfd_getfd, pidfd_getfd)
{
	return pg_pidfd_getfd_begin(args);
}

PG_CALL_RETURN(pidfd_getfd, pidfd_getfd)
{
	return pg_pidfd_getfd_end(ret);
}
