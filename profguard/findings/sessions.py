"""Sessions in the database: each is written when it begins, changes and ends."""

import json
from contextlib import closing

from profguard.findings.redact import Redactor
from profguard.findings.rows import clean, json_text, process_values, storable, time_or_none
from profguard.findings.store import Store, explained
from profguard.findings.writer import Writer
from profguard.model import Process
from profguard.sessions import Known, Session, Sessions
from profguard.timefmt import rfc3339

RUNNING, ENDED, UNKNOWN = STATES = ("running", "ended", "unknown")
IDS_KEPT = 64  # of one session: enough to know it again
HELD_MOST = 10_000  # sessions that wait for room
SCOPES = ("process", "cpu-wide", "cgroup")
_LEFT = (
    "SELECT id, mechanisms, scope, actor_pid, actor_start_boot_ns, target_pid,"
    " target_start_boot_ns, event_ids, started_ns, began_at_ns, events, source"
    " FROM sessions WHERE state <> 'ended' AND run_id IS NOT NULL"
)


class SessionBook:
    """Hands the sessions of a station to the writer. Without `run_id` they are of a replay."""

    def __init__(
        self,
        station: Sessions,
        store: Store,
        writer: Writer,
        redactor: Redactor,
        run_id: str | None = None,
        wait_s: float = 0.0,
    ):
        self._station, self._store, self._writer = station, store, writer
        self._redactor, self._run_id, self._wait_s = redactor, run_id, wait_s
        self._changed: dict[str, Session] = {}
        station.on_change(self.note)

    @property
    def waiting(self) -> int:
        """Sessions that changed since they were written."""
        return len(self._changed)

    def note(self, session: Session) -> None:
        """It has changed since it was written."""
        self._changed[session.id] = session

    def recall(self) -> None:
        """Let the station know which sessions an earlier run left without an end.

        Raises ValueError for rows that no sensor has written.
        """
        with explained(self._store.path), closing(self._store.connect()) as connection:
            found = connection.execute(_LEFT).fetchall()
        try:
            self._station.memory.remember([_known(*row) for row in found])
        except TypeError as error:
            raise ValueError(str(error)) from None

    def keep(self) -> None:
        """Write what has changed; while the writer has no room it waits, and is merged."""
        changed, memory = self._changed, self._station.memory
        if changed and (len(changed) >= HELD_MOST or self._writer.has_room):
            self._write(changed.values())
            changed.clear()
        if memory.over or memory.untold:
            left = [(ENDED, one) for one in memory.over] + [(UNKNOWN, one) for one in memory.untold]
            memory.over, memory.untold = [], []
            self._writer.write("sessions_left", left, self._wait_s)

    def close(self) -> None:
        """What is not over by now has an end that nobody sees."""
        self._changed.update((session.id, session) for session in self._station.active)
        self._write(self._changed.values(), UNKNOWN)
        self._changed.clear()

    def _write(self, sessions, unless_ended: str = RUNNING) -> None:
        rows = [
            session_row(session, unless_ended, self._run_id, self._redactor) for session in sessions
        ]
        self._writer.write("sessions", rows, self._wait_s, replace=True)


def session_row(
    session: Session, unless_ended: str, run_id: str | None, redactor: Redactor
) -> tuple:
    """A row of `sessions`; its state is `unless_ended` while it has no end."""
    process, target = (
        redactor.process(one) if one else None for one in (session.process, session.target)
    )
    end_ns = session.end.time_ns if session.end else None
    return clean(
        (
            session.id,
            ENDED if session.end else unless_ended,
            session.mechanisms[0],
            session.tool,
            session.mode,
            session.pmu,
            session.scope if session.scope in SCOPES else "process",
            session.host,
            session.source,
            rfc3339(session.started_ns),
            time_or_none(end_ns),
            rfc3339(session.latest.time_ns),
            session.started_ns,
            end_ns,
            session.latest.time_ns,
            session.began_at_ns,
            session.duration_ns,
            session.events,
            json_text(session.event_ids[:IDS_KEPT]),
            int(session.tainted),
            session.relation,
            *process_values(process),
            *process_values(target),
            _process_json(process),
            _process_json(target),
            run_id,
            session.tool_sha256,
            json_text(session.mechanisms),
        )
    )


def _process_json(process: Process | None) -> str | None:
    return None if process is None else json_text(storable(process.as_dict()))


def _known(
    id: str,
    mechanisms: str,
    scope: str,
    actor_pid: int | None,
    actor_start: int | None,
    target_pid: int | None,
    target_start: int | None,
    event_ids: str,
    started_ns: int,
    began_at_ns: int,
    events: int,
    source: str,
) -> Known:
    at = (target_pid, target_start) if scope == "process" else scope
    owner = None if actor_pid is None else (actor_pid, actor_start)
    ids = json.loads(event_ids)
    return Known(
        id=id,
        mechanisms=tuple(json.loads(mechanisms)),
        place=(owner, at),
        event_ids=frozenset(ids),
        started_ns=started_ns,
        began_at_ns=began_at_ns,
        events=events,
        source=source,
    )
