"""The arguments that the kernel does not send, and this machine tells: by name, file and parent."""

from collections.abc import Callable

from profguard.context.perf_cgroups import PerfCgroups
from profguard.context.processes import ProcessTable
from profguard.context.symbols import Symbols
from profguard.lookout import Lookout
from profguard.model import Event
from profguard.rawtask import RawTask


class Derivation:
    """Completes the arguments of events, as they come from the kernel."""

    def __init__(self, table: ProcessTable, lookout: Lookout):
        self._table, self._lookout = table, lookout
        self._symbols, self._perf_cgroups = Symbols(), PerfCgroups()
        self._of: dict[str, Callable[[Event, RawTask | None], None]] = {
            "prof": self._cgroup,
            "perf": self._cgroup,
            "uprobe_attach": self._functions,
            "profiler_env": self._inherited,
            "shared_object_loaded": self._agent,
        }

    def complete(self, event: Event, actor: RawTask | None) -> None:
        """What the actor was before this event must still be in the table."""
        if derive := self._of.get(event.spec.name):
            derive(event, actor)

    def complete_again(self, event: Event) -> None:
        """Of an event of another sensor, which tells of any library, what our own list says."""
        if event.spec.name == "shared_object_loaded":
            self._agent(event, None)

    def _cgroup(self, event: Event, _actor: RawTask | None) -> None:
        if event["cgroup_id"]:
            event["cgroup"] = self._perf_cgroups.path(event["cgroup_id"])

    def _functions(self, event: Event, actor: RawTask | None) -> None:
        if actor and event["path"] and event["inode"]:
            of_file = event["path"], event["inode"], event["dev"]
            event["symbols"] = self._symbols.names(actor.pid, *of_file, event["offsets"])

    def _inherited(self, event: Event, actor: RawTask | None) -> None:
        if actor:
            event["inherited"] = self._table.on_variable(actor, event["variable"], event["value"])

    def _agent(self, event: Event, _actor: RawTask | None) -> None:
        event["agent"] = self._lookout.agent(event["file_name"] or "")
