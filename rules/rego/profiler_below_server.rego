# METADATA
# title: Profiler or debugger run from a shell of a network server
# description: |
#   Somebody who profiles, traces or reads another process does so from a shell whose parent is a
#   server that faces the network: a web server, a database, a message broker. Servers start shells
#   for scripts, hardly ever for debuggers; an intruder who came in through one has such a shell. A
#   shell that is further away from the server, such as that of a terminal that was started there,
#   does not count: the two must be parent and child.
# authors:
# - profguard
# related_resources:
# - https://attack.mitre.org/techniques/T1505/003/
# custom:
#   id: 6d0c1c1e-8e0e-4d1c-9f6a-3c1f5b7a2e90
#   level: high
#   status: test
#   tags: [attack.persistence, attack.t1505.003, attack.discovery]
#   events: [prof, ptrace, process_vm_readv, process_vm_writev]
#   falsepositives:
#   - A server that runs its own diagnostics through a script. Label the tool approved-profiler.
package profguard.profiler_below_server

import data.profguard.helpers

shells := {"sh", "bash", "dash", "ash", "busybox", "zsh", "ksh", "fish"}

servers := {
	"nginx", "apache2", "httpd", "lighttpd", "caddy", "haproxy", "php-fpm", "uwsgi",
	"postgres", "mysqld", "mariadbd", "redis-server", "mongod", "memcached", "beam.smp",
}

match contains message if {
	helpers.done
	not "approved-profiler" in input.process.labels
	some i, shell in input.process.ancestors
	helpers.basename(shell) in shells
	server := input.process.ancestors[i + 1]
	serves(helpers.basename(server))
	message := sprintf(
		"%s (pid %v, user %v) is at work on %s (pid %v) from %s, a shell of %s",
		[
			helpers.actor,
			helpers.actor_pid,
			helpers.actor_user,
			helpers.target,
			helpers.target_pid,
			shell,
			server,
		],
	)
}

serves(name) if name in servers

# Distributions put the version into the name: php-fpm8.2.
serves(name) if startswith(name, "php-fpm")
