# METADATA
# title: Tool for one language runtime at a process of another
# description: |
#   Tools such as py-spy or rbspy understand one language runtime and are of no use on anything
#   else. One that reads or traces another kind of process is something else under that name, or is
#   used for its right to read memory. Only programs of the distribution count, whose names say what
#   they are: any other may embed any runtime. The table says which executables each tool is for;
#   the configuration can add and replace rows below rules.data.runtimes: py-spy = ["python*"].
# authors:
# - profguard
# related_resources:
# - https://attack.mitre.org/techniques/T1036/005/
# custom:
#   id: 0b6f3d52-6a0e-4b6e-8d0b-51f1c8f0a7d4
#   level: medium
#   status: test
#   tags: [attack.defense-evasion, attack.t1036.005, attack.credential-access]
#   events: [ptrace, process_vm_readv, process_vm_writev]
#   falsepositives:
#   - A packaged program that embeds the runtime. Add it to the tool's row.
package profguard.tool_at_foreign_runtime

import data.profguard.helpers

table := {
	"py-spy": ["python*", "pypy*", "uwsgi*", "gunicorn*"],
	"austin": ["python*", "pypy*"],
	"pyrasite": ["python*"],
	"rbspy": ["ruby*", "puma*", "unicorn*"],
	"phpspy": ["php*"],
	"jattach": ["java*"],
}

# A row of the configuration counts before ours.
runtimes(tool) := data.runtimes[tool]

runtimes(tool) := table[tool] if not data.runtimes[tool]

match contains message if {
	helpers.done
	tool := helpers.basename(input.process.executable)
	patterns := runtimes(tool)
	regex.match(`^/usr/(s?bin|lib|libexec)/`, input.target.executable)
	target := helpers.basename(input.target.executable)
	every pattern in patterns {
		not glob.match(pattern, null, target)
	}
	message := sprintf(
		"%s (pid %v, user %v), a tool for %s, is at work on %s (pid %v)",
		[
			input.process.executable,
			helpers.actor_pid,
			helpers.actor_user,
			concat(", ", patterns),
			input.target.executable,
			helpers.target_pid,
		],
	)
}
