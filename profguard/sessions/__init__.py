"""Pairs what is switched on with what is switched off: every enable gets a session, and an end.

A session is what one process does to one target, by whatever mechanisms, from the first act to the
last: `perf record` with a dozen events is one, and so is a debugger that attaches and reads memory.
The kernel reports transitions of single events; this station knows which are on, drops what changes
nothing, and completes the transitions that the kernel can only half tell: the end of a target,
whose events are gone by then, and of a profiler. What has no end of its own, say a read of memory,
goes on until it has not happened again for a while; what lasts, an open memory file or an attached
program, until the process ends that did it, or the target.

Times are boot time in ns, taken from the events: the same events give the same sessions, and what
comes out of this station comes out of it unchanged when it is fed in again, as a replay does.
"""

from profguard.sessions.access import MOMENT_NS
from profguard.sessions.ledger import MAX_LIVE
from profguard.sessions.memory import Known
from profguard.sessions.session import Session
from profguard.sessions.station import PROBE_NS, Sessions

__all__ = ["MAX_LIVE", "MOMENT_NS", "PROBE_NS", "Known", "Session", "Sessions"]
