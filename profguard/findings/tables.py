"""The tables of the database, declared once: the SQL that makes and fills them, and their meaning.

A change here needs a step in migrations.py. Every time is there twice: RFC 3339 text for people,
integer ns for arithmetic (`..._ns`). Integers of 2^63 and more, which SQLite has not, are text.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `type` is SQL, constraints included."""

    name: str
    type: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Table:
    """One table. `key` is its primary key where that is no single column declared as such.

    `since` is the version of the database that brought it.
    """

    name: str
    summary: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    indexes: tuple[tuple[str, ...], ...] = ()
    since: int = 1

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def ddl(self) -> str:
        """CREATE TABLE with every meaning as a comment, so that `.schema` explains itself."""
        lines = [f"CREATE TABLE {self.name} (  -- {self.summary}"]
        last = self.columns[-1]
        for column in self.columns:
            comma = "" if column is last and not self.key else ","
            lines.append(f"  {column.name} {column.type}{comma}  -- {column.meaning}")
        if self.key:
            lines.append(f"  PRIMARY KEY ({', '.join(self.key)})")
        return "\n".join([*lines, ")"])

    def insert(self, conflict: str = "") -> str:
        """INSERT of one row, a tuple in column order; `conflict` is SQL's ON CONFLICT clause."""
        marks = ", ".join("?" * len(self.columns))
        head = f"INSERT INTO {self.name} ({', '.join(self.names)}) VALUES ({marks})"  # noqa: S608 - own names only
        return f"{head} {conflict}".rstrip()


TOOL_SHA256 = Column(
    "tool_sha256", "TEXT", "SHA-256 of an unknown tool's executable; null where it is not certain"
)
_FINDING = "TEXT NOT NULL REFERENCES findings(id) ON DELETE CASCADE"


def _process_columns(role: str, who: str) -> tuple[Column, ...]:
    return tuple(
        Column(f"{role}_{name}", kind, f"{who}: {meaning}")
        for name, kind, meaning in (
            ("pid", "INTEGER", "process id"),
            ("start_boot_ns", "INTEGER", "start in ns since boot; with the pid its identity"),
            ("name", "TEXT", "comm, which the process can choose"),
            ("executable", "TEXT", "path of the executable"),
            ("command_line", "TEXT", "arguments, secrets redacted"),
            ("user", "TEXT", "user name, or the user id where it has no name"),
            ("container_id", "TEXT", "container"),
            ("unit", "TEXT", "systemd unit"),
            ("labels", "TEXT", "labels, a JSON array"),
        )
    )


FINDINGS = Table(
    "findings",
    "one act that a rule objects to",
    (
        Column("id", "TEXT PRIMARY KEY NOT NULL", "UUIDv7, made from the time of its first event"),
        Column("rule_id", "TEXT NOT NULL", "the rule that names it; all are in finding_rules"),
        Column("rule_title", "TEXT NOT NULL", "title of that rule"),
        Column("level", "TEXT NOT NULL", "informational, low, medium, high or critical"),
        Column("message", "TEXT NOT NULL", "one sentence, secrets redacted"),
        Column("host", "TEXT", "name of the host"),
        Column("first_seen", "TEXT NOT NULL", "time of the first event"),
        Column("last_seen", "TEXT NOT NULL", "time of the latest event"),
        Column("first_seen_ns", "INTEGER NOT NULL", "the same in ns since 1970"),
        Column("last_seen_ns", "INTEGER NOT NULL", "the same in ns since 1970"),
        Column("count", "INTEGER NOT NULL", "matches folded into this finding"),
        Column("mechanism", "TEXT", "how: perf, itimer, ptrace, ..."),
        Column("session", "TEXT", "session of profiling it belongs to"),
        Column("started", "TEXT", "when the act began"),
        Column("ended", "TEXT", "when it ended; null while it goes on, or where it has no end"),
        Column("duration_ns", "INTEGER", "for how long it went on"),
        Column("tainted", "INTEGER NOT NULL", "1 where events were lost meanwhile"),
        Column("relation", "TEXT", "between the two: self, child, cross-uid, ..."),
        *_process_columns("actor", "who did it"),
        *_process_columns("target", "to whom"),
        Column("tags", "TEXT NOT NULL", "tags of the rule (ATT&CK), a JSON array"),
        Column("event", "TEXT NOT NULL", "the event that showed it, whole, JSON"),
        Column("tool", "TEXT", "the tool that did it, named from data; unknown where none fits"),
        TOOL_SHA256,
    ),
    indexes=(("last_seen_ns",), ("rule_id",), ("session",)),
)
SESSIONS = Table(
    "sessions",
    "what one process does to one target, by whatever mechanisms, from the first act to the last",
    (
        Column("id", "TEXT PRIMARY KEY NOT NULL", "UUIDv7; findings.session refers to it"),
        Column("state", "TEXT NOT NULL", "running, ended, or unknown: nobody saw whether it ended"),
        Column(
            "mechanism", "TEXT NOT NULL", "how: perf, itimer, ptrace, ... - the first of mechanisms"
        ),
        Column("tool", "TEXT", "the tool that does it, named from data; unknown where none fits"),
        Column("mode", "TEXT", "sampling or counting, of its first prof event"),
        Column("pmu", "TEXT", "PMU of its first prof event"),
        Column("scope", "TEXT NOT NULL", "process, cpu-wide or cgroup"),
        Column("host", "TEXT", "name of the host"),
        Column("source", "TEXT NOT NULL", "live; snapshot where it began before the sensor did"),
        Column("started", "TEXT NOT NULL", "when it began, or was found by the snapshot"),
        Column("ended", "TEXT", "when it ended; null while it runs, or where nobody saw that"),
        Column("last_seen", "TEXT NOT NULL", "time of its latest event"),
        Column("started_ns", "INTEGER NOT NULL", "the same in ns since 1970"),
        Column("ended_ns", "INTEGER", "the same in ns since 1970"),
        Column("last_seen_ns", "INTEGER NOT NULL", "the same in ns since 1970"),
        Column("began_at_ns", "INTEGER NOT NULL", "when it began, in ns since boot"),
        Column("duration_ns", "INTEGER", "for how long it went on; null where it has no end"),
        Column("events", "INTEGER NOT NULL", "events that began it, were part of it, or ended it"),
        Column("event_ids", "TEXT NOT NULL", "perf events or timers that are on, a JSON array"),
        Column(
            "tainted", "INTEGER NOT NULL", "1 where events were lost, or no sensor ran, meanwhile"
        ),
        Column("relation", "TEXT", "between the two: self, child, cross-uid, ..."),
        *_process_columns("actor", "who does it"),
        *_process_columns("target", "to whom"),
        Column("process", "TEXT", "the actor whole, secrets redacted, JSON"),
        Column("target", "TEXT", "the target whole, secrets redacted, JSON"),
        Column("run_id", "TEXT", "run of the sensor that saw it last; null of a replay"),
        TOOL_SHA256,
        Column("mechanisms", "TEXT", "all of them in the order in which they came, a JSON array"),
    ),
    indexes=(("state",), ("last_seen_ns",)),
    since=4,
)
FINDING_RULES = Table(
    "finding_rules",
    "every rule that matched a finding",
    (
        Column("finding_id", _FINDING, "the finding"),
        Column("rule_id", "TEXT NOT NULL", "the rule"),
        Column("position", "INTEGER NOT NULL", "0 for the rule that names the finding"),
    ),
    key=("finding_id", "rule_id"),
)
FINDING_EVENTS = Table(
    "finding_events",
    "the evidence: the first events of a finding, what a correlation joined, its end",
    (
        Column("finding_id", _FINDING, "the finding"),
        Column(
            "kind",
            "TEXT NOT NULL",
            "opened, escalated, repeated, continued, ended or joined",
        ),
        Column(
            "position",
            "INTEGER NOT NULL",
            "the finding's count when it came; of joined, the place",
        ),
        Column("time", "TEXT NOT NULL", "time of the event"),
        Column("time_ns", "INTEGER NOT NULL", "the same in ns since 1970"),
        Column("name", "TEXT NOT NULL", "name of the event"),
        Column("event", "TEXT NOT NULL", "the event whole, JSON"),
    ),
    key=("finding_id", "kind", "position"),
)
EVENTS = Table(
    "events",
    "all events, where recording is on",
    (
        Column("time", "TEXT NOT NULL", "time of the event"),
        Column("time_ns", "INTEGER NOT NULL", "the same in ns since 1970"),
        Column("name", "TEXT NOT NULL", "name of the event"),
        Column("actor_pid", "INTEGER", "process that caused it"),
        Column("target_pid", "INTEGER", "process it was done to"),
        Column("event", "TEXT NOT NULL", "the event whole, JSON"),
    ),
    indexes=(("time_ns",),),
)
RULES = Table(
    "rules",
    "the rules in force when they were last loaded",
    (
        Column("id", "TEXT PRIMARY KEY NOT NULL", "id of the rule"),
        Column("title", "TEXT NOT NULL", "title"),
        Column("level", "TEXT NOT NULL", "level"),
        Column("path", "TEXT", "file it was read from"),
        Column("sha256", "TEXT", "digest of that file"),
    ),
)
OUTBOX = Table(
    "outbox",
    "alerts: one row for each finding and destination, kept after delivery",
    (
        Column("id", "INTEGER PRIMARY KEY AUTOINCREMENT", "the order of sending"),
        Column("webhook_id", "TEXT NOT NULL UNIQUE", "message id, the same at every attempt"),
        Column("finding_id", "TEXT NOT NULL", "the finding"),
        Column("destination", "TEXT NOT NULL", "name of the destination"),
        Column("state", "TEXT NOT NULL", "pending, delivered or dead"),
        Column("payload", "TEXT NOT NULL", "what is sent, as it was when the finding was made"),
        Column("created", "TEXT NOT NULL", "when it was queued"),
        Column("attempts", "INTEGER NOT NULL DEFAULT 0", "times it was tried"),
        Column("next_attempt_ns", "INTEGER NOT NULL DEFAULT 0", "not before, ns since 1970"),
        Column("last_error", "TEXT", "why the last attempt failed"),
        Column("delivered", "TEXT", "when the destination accepted it"),
    ),
    indexes=(("destination", "state", "id"), ("finding_id",)),
)
SENSOR_RUNS = Table(
    "sensor_runs",
    "each run of the sensor",
    (
        Column("id", "TEXT PRIMARY KEY NOT NULL", "id of the run"),
        Column("started", "TEXT NOT NULL", "when the probes were live"),
        Column("stopped", "TEXT", "when it stopped; null while it runs, or where it was killed"),
        Column("version", "TEXT NOT NULL", "version of profguard"),
        Column("kernel", "TEXT", "release of the kernel"),
        Column("reason", "TEXT", "why it stopped: asked to, or failed"),
        Column("received", "INTEGER", "events received"),
        Column("dropped", "INTEGER", "events lost on the way from the kernel"),
        Column("folded", "INTEGER", "events of floods, which were only counted"),
    ),
)
LOSSES = Table(
    "losses",
    "events that happened and could not be taken",
    (
        Column("time", "TEXT NOT NULL", "when the loss was noticed"),
        Column("time_ns", "INTEGER NOT NULL", "the same in ns since 1970"),
        Column("cpu", "INTEGER", "CPU it happened on"),
        Column("event", "TEXT", "name of the event"),
        Column("count", "INTEGER NOT NULL", "events lost"),
        Column("reason", "TEXT", "why: as lost_events says it"),
    ),
    indexes=(("time_ns",),),
)
RULE_LOADS = Table(
    "rule_loads",
    "each time the rules were read: at the start, when their files changed, and at SIGHUP",
    (
        Column("id", "INTEGER PRIMARY KEY AUTOINCREMENT", "the order of reading"),
        Column("run_id", "TEXT", "the run of the sensor"),
        Column("time", "TEXT NOT NULL", "when they were read"),
        Column("time_ns", "INTEGER NOT NULL", "the same in ns since 1970"),
        Column("cause", "TEXT NOT NULL", "start, files or signal"),
        Column("state", "TEXT NOT NULL", "in_force, or refused: the rules before stay in force"),
        Column("rules", "INTEGER NOT NULL", "rules in force after it"),
        Column("errors", "INTEGER NOT NULL", "errors in the files"),
        Column("problems", "TEXT NOT NULL", "the first of them, a JSON array"),
        Column("paths", "TEXT NOT NULL", "where rules were looked for, a JSON array"),
    ),
    indexes=(("run_id", "id"),),
    since=2,
)
FILTERS = Table(
    "filters",
    "the exceptions in force when the rules were last loaded, and what they excuse",
    (
        Column("id", "TEXT PRIMARY KEY NOT NULL", "id of the filter"),
        Column("title", "TEXT NOT NULL", "title"),
        Column("path", "TEXT", "file it was read from"),
        Column("owner", "TEXT", "who answers for it"),
        Column("reason", "TEXT", "why there is one"),
        Column("expires", "TEXT", "the last day on which it holds"),
        Column("since", "TEXT NOT NULL", "when the sensor first had it"),
        Column("excused", "INTEGER NOT NULL DEFAULT 0", "matches that it took back"),
        Column("last_excused", "TEXT", "when it did last; null: it excuses nothing"),
    ),
    since=2,
)
CORRELATION_STATE = Table(
    "correlation_state",
    "what correlations have gathered, to go on with after a restart",
    (
        Column("rule_id", "TEXT NOT NULL", "the correlation rule"),
        Column("digest", "TEXT NOT NULL", "of its definition: another one begins anew"),
        Column("key", "TEXT NOT NULL", "values of its group-by, a JSON array"),
        Column("newest_ns", "INTEGER NOT NULL", "the latest event, in ns since 1970"),
        Column("entries", "TEXT NOT NULL", "the events, secrets redacted, JSON"),
    ),
    key=("rule_id", "key"),
    since=2,
)

TABLES = (
    FINDINGS,
    SESSIONS,
    FINDING_RULES,
    FINDING_EVENTS,
    EVENTS,
    RULES,
    RULE_LOADS,
    FILTERS,
    CORRELATION_STATE,
    OUTBOX,
    SENSOR_RUNS,
    LOSSES,
)
