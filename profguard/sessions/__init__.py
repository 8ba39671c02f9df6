"""Pairs what is switched on with what is switched off: every enable gets a session, and an end.

A session is what one process does to one target by one mechanism, from the first enable to the last
disable: `perf record` with a dozen events is one. The kernel reports transitions of single events;
this station knows which are on, drops what changes nothing, and completes the transitions that the
kernel can only half tell: the end of a target, whose events are gone by then, and of a profiler.

Times are boot time in ns, taken from the events: the same events give the same sessions, and what
comes out of this station comes out of it unchanged when it is fed in again, as a replay does.
"""

from profguard.sessions.memory import Known
from profguard.sessions.session import Session
from profguard.sessions.station import MAX_LIVE, PROBE_NS, Sessions

__all__ = ["MAX_LIVE", "PROBE_NS", "Known", "Session", "Sessions"]
