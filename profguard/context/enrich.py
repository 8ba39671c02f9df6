"""The station between decode and match: who acts on whom, and what they are to each other."""

from collections.abc import Callable

from profguard.context.derive import Derivation
from profguard.context.labels import Labeler
from profguard.context.processes import ProcessTable
from profguard.context.relation import relation
from profguard.events.bpf import TRACING_TYPES
from profguard.events.perf import OPEN_FLAGS, PROF_FLAGS, SCOPES
from profguard.lookout import Lookout
from profguard.model import Event, Process
from profguard.rawtask import RawTask

_BITS = {name: 1 << bit for bit, name in PROF_FLAGS.items()}
_PID_CGROUP = OPEN_FLAGS[2]
MAX_MARKED = 16384
_LIFE_EVENTS = {"sched_process_exec", "sched_process_fork"}


class Enricher:
    """Sets process, target, relation and host of events, and keeps the process table up to date.

    Events must come in ring order.
    """

    def __init__(
        self,
        table: ProcessTable,
        labeler: Labeler,
        host: str,
        lookout: Lookout | None = None,
    ):
        self._table = table
        self._derivation = Derivation(table, lookout or Lookout())
        self._labeler = labeler
        self._host = host
        # Called with the pid of each process with a label, when the first event about it comes.
        self.on_labelled: Callable[[int], None] | None = None
        self._marked: dict[tuple[int, int], None] = {}
        self._on_quiet: Callable[[int], None] | None = None
        self._wanted: frozenset[str] = frozenset()
        self._cgroups: set[int] = set()

    def tell_quiet(self, labels: frozenset[str], on_quiet: Callable[[int], None]) -> None:
        """Call a function with the id of each cgroup whose processes can have none of these labels.

        When it becomes known, once.
        """
        self._wanted, self._on_quiet = labels, on_quiet

    def enrich(self, event: Event, actor: RawTask | None, target: RawTask | None) -> Event:
        """`event` itself, completed. `actor` and `target` are what the kernel sent with it."""
        table, name, at_ns = self._table, event.spec.name, event.boot_ns or 0
        if name == "sched_process_exec" and actor:
            table.on_exec(actor, event)
        elif name == "sched_process_fork" and actor and target:
            table.on_fork(actor, target, at_ns)
        elif name == "lost_events" and event["event"] in _LIFE_EVENTS:
            table.on_loss()
        self._derivation.complete(event, actor)
        event.host = self._host
        if actor:
            event.process = table.lookup(actor, at_ns)
        if target:
            event.target = table.lookup(target, at_ns)
        if actor:
            event.relation = _relation(event)
        if self.on_labelled and self._labeler:
            self._mark(event)
        if self._on_quiet:
            self._judge(event.process, actor)
            self._judge(event.target, target)
        if name == "sched_process_exit" and actor:
            table.on_exit(actor, at_ns)
        return event

    def _mark(self, event: Event) -> None:
        for process in (event.process, event.target):
            if process and process.labels and process.identity not in self._marked:
                self._marked[process.identity] = None
                if len(self._marked) > MAX_MARKED:
                    del self._marked[next(iter(self._marked))]
                self.on_labelled(process.pid)

    def _judge(self, process: Process | None, raw: RawTask | None) -> None:
        if raw is None or raw.cgroup_id in self._cgroups:
            return
        if self._table.knows_cgroup(raw.cgroup_id) and len(self._cgroups) < MAX_MARKED:
            self._cgroups.add(raw.cgroup_id)
            if not self._labeler.may_have(self._wanted, process):
                self._on_quiet(raw.cgroup_id)

    def relabel(self, event: Event) -> Event:
        """A replayed `event` with the labels of this configuration, if it defines any.

        Otherwise the recorded labels stay. What another sensor saw gets its relation here, and what
        only our lists say.
        """
        if event.origin is not None:
            event.relation = _relation(event)
            self._derivation.complete_again(event)
        if self._labeler:
            for process in (event.process, event.target):
                if process is not None:
                    process.labels = self._labeler.labels(process)
        return event


def _relation(event: Event) -> str | None:
    cpu_wide, cgroup = _scope(event) if event.target is None else (False, False)
    return relation(event.process, event.target, cpu_wide=cpu_wide, cgroup=cgroup)


def _scope(event: Event) -> tuple[bool, bool]:
    """Whether an event without a target is about a whole CPU, and whether about a cgroup."""
    if event.spec.name == "prof":
        flags = event["flags"]
        return bool(flags & _BITS["cpu_wide"]), bool(flags & _BITS["cgroup"])
    if event.spec.name == "perf":
        return event["pid"] == -1, _PID_CGROUP in (event["open_flags"] or ())
    if event.spec.name in ("perf_ioctl", "uprobe_attach", "kprobe_attach"):
        return event["scope"] == SCOPES[2], event["scope"] == SCOPES[3]
    if event.spec.name == "bpf_prog_load":
        return event["prog_type"] in TRACING_TYPES, False
    if event.spec.name == "tracefs_write":
        return True, False
    if event.spec.name == "bpf_attach":
        cgroup = event["scope"] == SCOPES[3]
        return event["prog_type"] in TRACING_TYPES and not cgroup, cgroup
    return False, False
