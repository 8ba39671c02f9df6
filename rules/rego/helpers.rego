package profguard.helpers

# The last part of a path.
basename(path) := parts[count(parts) - 1] if {
	parts := split(path, "/")
}

# What is done to another process, and was not refused.
done if {
	input.prof.action == "enable"
	input.target.pid
	not input.relation == "self"
}

done if input.ptrace.ret == 0

done if input.process_vm_readv.ret > 0

done if input.process_vm_writev.ret > 0

# Who does it and to whom, as a message names them. Each is asked for by itself, so that no more of
# an event is converted than that.
default actor := "unknown"

actor := input.process.executable

default actor_pid := "unknown"

actor_pid := input.process.pid

default actor_user := "unknown"

actor_user := input.process.user.name

default target := "unknown"

target := input.target.executable

default target_pid := "unknown"

target_pid := input.target.pid
