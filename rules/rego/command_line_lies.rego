# METADATA
# title: Command line of a tracer names another process than it is at
# description: |
#   The command line of perf, strace, gdb or a similar tool says by -p which processes it is for, and
#   the kernel sees it at another one, which is no child of those nor its own. Programs can rewrite
#   their command line: this one hides from whoever looks with ps. Tools in containers number
#   processes otherwise and are left out.
# authors:
# - profguard
# related_resources:
# - https://attack.mitre.org/techniques/T1036/
# custom:
#   id: c2f0a6de-2b9a-45a9-9d63-7a1f0f9f4b12
#   level: high
#   status: test
#   tags: [attack.defense-evasion, attack.t1036]
#   events: [prof, ptrace, process_vm_readv, process_vm_writev]
#   falsepositives:
#   - A tool that takes -p to mean something else, under the name of one of these.
package profguard.command_line_lies

import data.profguard.helpers

tools := {"perf", "strace", "ltrace", "gdb", "lldb", "py-spy", "rbspy", "austin", "bpftrace"}

options := {"-p", "--pid", "--attach"}

words := split(input.process.command_line, " ")

# -p 812,813 and --pid 812
named contains pid if {
	some i, word in words
	word in options
	some pid in pids(words[i + 1])
}

# --pid=812 and -p=812
named contains pid if {
	some word in words
	[option, value] := split(word, "=")
	option in options
	some pid in pids(value)
}

# -p812
named contains pid if {
	some word in words
	startswith(word, "-p")
	some pid in pids(substring(word, 2, -1))
}

pids(text) := [to_number(part) |
	some part in split(text, ",")
	regex.match(`^[0-9]{1,10}$`, part)
]

# Who the kernel saw: the process, its thread, its parent.
seen contains input.target.pid

seen contains input.target.tid

seen contains input.target.parent.pid

match contains message if {
	helpers.done
	not input.process.container
	not input.relation == "child" # strace tries out the kernel on one
	helpers.basename(input.process.executable) in tools
	count(named) > 0
	count(named & seen) == 0
	not input.prof.cause in {"fork", "exec"}
	message := sprintf(
		"%s (pid %v, user %v) says that it is for pid %s, and is at work on %s (pid %v)",
		[
			input.process.executable,
			helpers.actor_pid,
			helpers.actor_user,
			concat(", ", [sprintf("%v", [pid]) | some pid in named]),
			helpers.target,
			input.target.pid,
		],
	)
}
