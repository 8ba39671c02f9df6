package profguard.helpers

# The last part of a path.
basename(path) := parts[count(parts) - 1] if {
	parts := split(path, "/")
}

# What is done to another process, and was not refused.
done if {
	input.prof.action == "enable"
	input.target
	not input.relation == "self"
}

done if input.ptrace.ret == 0

done if input.process_vm_readv.ret > 0

done if input.process_vm_writev.ret > 0
