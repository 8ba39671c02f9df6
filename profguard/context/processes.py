"""The table of processes: kept from exec, fork and exit events, filled up from /proc.

A process is its pid and its start, so a reused pid never gets the facts of its predecessor. What
/proc says is taken only from the very process that an event names, and only where that process
cannot have become another program since the event. Everything else stays unknown.
"""

from collections import OrderedDict, deque
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from profguard.context.cgroups import CgroupNames
from profguard.context.containers import Cgroup
from profguard.context.entry import NO_PARENT, UNREAD, Entry, Key, key_of, parent_key
from profguard.context.labels import Labeler
from profguard.context.procfs import Image, as_text
from profguard.context.reader import Reader
from profguard.context.users import UserNames
from profguard.events.process import EXEC
from profguard.events.runtimes import PROFILER_ENV
from profguard.model import Event, Process
from profguard.rawtask import RawTask
from profguard.timefmt import rfc3339

# How long an ended process stays known: events of other CPUs and the ends of sessions come late.
GRACE_NS = 5_000_000_000
MAX_ANCESTORS = 16
_ARGV_BYTES = next(int(arg.ctype[5:-1]) for arg in EXEC.args if arg.name == "argv")
_VALUE_BYTES = int(PROFILER_ENV.arg("value").ctype[5:-1]) - 1


class Prepared(NamedTuple):
    """What `ProcessTable.collect` needs to keep other environment variables."""

    environ_names: frozenset[str]
    reader: Reader
    entries: list[Entry]


class ProcessTable:
    """Processes by identity, at most `max_processes`; the one not used for longest goes first.

    `boot_to_wall_ns` is what added to a boot time gives wall-clock time. `environ_names` are the
    environment variables to keep, beside those that the labels ask for.
    """

    def __init__(
        self,
        labeler: Labeler,
        *,
        boot_to_wall_ns: int,
        proc: str = "/proc",
        max_processes: int = 65536,
        environ_names: frozenset[str] = frozenset(),
    ):
        self._labeler = labeler
        self._proc = proc
        self._environ_names = environ_names | labeler.environ_names
        self._boot_to_wall_ns = boot_to_wall_ns
        self._max = max_processes
        self._entries: OrderedDict[Key, Entry] = OrderedDict()
        self._ends: deque[tuple[int, Key]] = deque()
        self._reader = Reader(proc, self._environ_names)
        self._users = UserNames()
        self._cgroups = CgroupNames()
        # Goes up when events were lost: what is known of programs must be looked up again.
        self._epoch = 0
        # Goes up when the ancestors of a known process may have changed.
        self._lineage = 0

    def __len__(self) -> int:
        return len(self._entries)

    def snapshot(self) -> int:
        """Read every process that is not known yet. Returns how many there are.

        Call it when the probes are live, before the first event is taken: what happens meanwhile
        waits in the ring and is applied after it.
        """
        found = self._reader.all()
        for entry in found:
            if entry.key not in self._entries:
                self._put(entry)
        return len(found)

    def prepare(self, environ_names: frozenset[str]) -> Prepared | None:
        """What is needed to keep these environment variables from now on; None: nothing is.

        Any thread may call it. It reads /proc, so that the variables that are new are known of
        processes that run already; an environment does not change between two execs.
        """
        names = environ_names | self._labeler.environ_names
        if names == self._environ_names:
            return None
        reader = Reader(self._proc, names)
        return Prepared(names, reader, reader.all() if names - self._environ_names else [])

    def collect(self, prepared: Prepared) -> None:
        """Keep other environment variables. Of a program that was started since `prepare`, those
        that are new stay unknown until the next one.
        """
        self._environ_names, self._reader, read = prepared
        for fresh in read:
            entry = self._entries.get(fresh.key)
            if entry is None or entry.image.inode is None or entry.ended:
                continue
            if entry.image.inode == fresh.image.inode:
                entry.image = msgspec.structs.replace(entry.image, environ=fresh.image.environ)
                entry.seen = None

    def on_exec(self, raw: RawTask, event: Event) -> None:
        """`raw` now runs the program of the sched_process_exec `event`."""
        argv = event["argv"]
        command_line = None if argv is None else " ".join(argv)
        image = Image(event["pathname"], event["inode"], command_line, variables={})
        if self._environ_names or image.executable is None or _is_cut(command_line):
            image = self._complete(image, raw)
        entry = Entry.of(raw, image, self._epoch)
        before = self._entries.get(entry.key)
        if before is not None and before.start_ns not in (None, raw.start_ns):
            before = None
        entry.before = before and before.image.variables
        if before is not None and before.leads:
            entry.leads = True
            self._lineage += 1
        # A v1 cgroup may have changed since the fork, without a new id.
        if self._cgroup(entry, raw) is None and before is not None:
            entry.cgroup = self._cgroup(before, raw)
        self._put(entry)

    def on_variable(self, raw: RawTask, name: str, value: str) -> bool | None:
        """`raw` was started with a variable. Whether the program before or the parent is known to
        have had it so; None where nothing is known of either.
        """
        entry = self._entries.get(key_of(raw.pid, raw.start_ns))
        if entry is None or entry.image.variables is None:
            return None  # its exec was lost
        entry.image.variables[name] = value
        known = [entry.before, self._variables(parent_key(raw), name)]
        if known == [None, None]:
            return None
        return any(each is not None and each.get(name) == value for each in known)

    def _variables(self, key: Key, name: str) -> dict[str, str] | None:
        """What a process was started with; read from /proc where no exec event told it."""
        entry = self._entries.get(key)
        if entry is not None and entry.image.variables is not None:
            return entry.image.variables
        read = self._reader.variable(key, name)
        return read and {name: _cut(each) for name, each in read.items()}

    def on_fork(self, parent: RawTask, child: RawTask, at_ns: int = 0) -> None:
        """`child` starts as a copy of `parent`, at boot time `at_ns`."""
        entry = Entry.of(child, UNREAD, self._epoch)
        known = self._current(parent, at_ns)
        if known is not None:
            entry.image = known.image
            if parent.cgroup_id == child.cgroup_id:
                entry.cgroup, entry.cgroup_id = self._cgroup(known, parent), child.cgroup_id
        self._put(entry)

    def on_exit(self, raw: RawTask, at_ns: int) -> None:
        """`raw` ended at boot time `at_ns`. It stays known for GRACE_NS of event time."""
        key = key_of(raw.pid, raw.start_ns)
        entry = self._entries.get(key)
        if entry is not None and entry.start_ns in (None, raw.start_ns):
            entry.ended = True
            entry.parent = parent_key(raw)
            self._lineage += entry.leads  # its children get another parent
            self._ends.append((at_ns, key))
        while self._ends and self._ends[0][0] < at_ns - GRACE_NS:
            _, key = self._ends.popleft()
            if key in self._entries and self._entries[key].ended:
                del self._entries[key]

    def on_loss(self) -> None:
        """Exec or fork events were lost: any process may run another program than is known."""
        self._epoch += 1
        self._lineage += 1

    def knows_cgroup(self, cgroup_id: int) -> bool:
        """Whether it is certain what processes in the cgroup with this id say of it."""
        return self._cgroups.known(cgroup_id) is not None

    def lookup(self, raw: RawTask, at_ns: int = 0) -> Process:
        """The process of `raw`, as the thread that it is. Shared: do not change it.

        `at_ns` is the boot time of the event that names it. What was read from /proc later is
        taken only if the process has not become another program in between.
        """
        entry = self._current(raw, at_ns) or Entry.of(raw, UNREAD, self._epoch)
        seen = (
            raw.ppid,
            raw.parent_start_ns,
            raw.uid,
            raw.gid,
            raw.cgroup_id,
            raw.pid_ns,
            raw.mnt_ns,
            self._lineage,
        )
        if entry.seen != seen:
            entry.process = self._describe(entry, raw)
            entry.seen = seen
        elif entry.process.tid != raw.tid or entry.process.name != raw.comm:
            entry.process = self._as_thread(entry.process, raw)
        if raw.tid == raw.pid:
            entry.name = raw.comm
        return entry.process

    # Finding entries.

    def _put(self, entry: Entry) -> None:
        self._entries[entry.key] = entry
        self._entries.move_to_end(entry.key)
        if len(self._entries) > self._max:
            self._entries.popitem(last=False)

    def _current(self, raw: RawTask, at_ns: int) -> Entry | None:
        """The entry of `raw` that holds for boot time `at_ns`."""
        entry = self._find(key_of(raw.pid, raw.start_ns), raw.start_ns, raw.tid)
        if entry is None or entry.read_ns <= at_ns:
            return entry
        # Only /proc told of it, after the event. An exec in between has changed the comm, and
        # has ended every thread but one.
        if raw.tid == raw.pid:
            return entry if raw.comm == entry.name else None
        return entry if self._reader.has_thread(entry.key, raw.tid) else None

    def _find(self, key: Key, start_ns: int | None = None, tid: int | None = None) -> Entry | None:
        """The entry of a process, read from /proc if need be. `start_ns` where it is known."""
        entry = self._entries.get(key)
        if entry is None:
            entry = self._reader.read(key, tid)
            if entry is None:
                return None
            entry.epoch = self._epoch
            self._put(entry)
        elif entry.epoch != self._epoch or entry.image is UNREAD:
            self._read_again(entry, tid)
        if start_ns is not None:
            if entry.start_ns is None:
                entry.start_ns = start_ns
            elif entry.start_ns != start_ns:
                return None  # the pid was used twice within one tick
        self._entries.move_to_end(key)
        return entry

    def _read_again(self, entry: Entry, tid: int | None) -> None:
        fresh = self._reader.read(entry.key, tid)
        entry.epoch = self._epoch
        entry.seen = None
        if fresh is None:
            entry.image = UNREAD
        else:
            entry.name, entry.image, entry.read_ns = fresh.name, fresh.image, fresh.read_ns

    def _complete(self, told: Image, raw: RawTask) -> Image:
        """Add what the exec event does not tell, unless the process runs something else by now."""
        entry = self._reader.read(key_of(raw.pid, raw.start_ns), raw.tid)
        if entry is None or entry.image.inode != told.inode:
            return told
        now = entry.image
        if not (now.command_line or "").startswith(told.command_line or ""):
            return told
        path = told.executable or now.executable
        return Image(path, told.inode, now.command_line, now.environ, told.variables)

    # Ancestors.

    def _ancestors(self, raw: RawTask) -> Iterator[Entry]:
        """Parent, its parent, and so on, as far as they are known."""
        entry = self._find(parent_key(raw), raw.parent_start_ns) if raw.ppid else None
        for _ in range(MAX_ANCESTORS):
            if entry is None:
                return
            entry.leads = True
            yield entry
            entry = self._parent(entry)

    def _parent(self, entry: Entry) -> Entry | None:
        above = self._find(entry.parent) if entry.parent not in (None, NO_PARENT) else None
        if above is not None and (not above.ended or entry.ended):
            return above
        if entry.ended or entry.parent == NO_PARENT:
            return None
        # Not read yet, or it ended, and the kernel has given its children another parent.
        entry.parent = self._reader.parent(entry.key)
        return self._find(entry.parent) if entry.parent not in (None, NO_PARENT) else None

    # Describing.

    def _describe(self, entry: Entry, raw: RawTask) -> Process:
        entry.parent = parent_key(raw)
        image, cgroup = entry.image, self._cgroup(entry, raw)
        chain = list(self._ancestors(raw))
        parent = chain[0] if chain else None
        process = Process(
            pid=raw.pid,
            tid=raw.tid,
            start_boot_ns=raw.start_ns,
            start_time=rfc3339(raw.start_ns + self._boot_to_wall_ns),
            name=raw.comm,
            executable=image.executable,
            inode=image.inode,
            command_line=image.command_line,
            parent_pid=raw.ppid or None,
            parent_name=parent and parent.name,
            parent_executable=parent and parent.image.executable,
            parent_command_line=parent and parent.image.command_line,
            ancestors=tuple(one.image.executable for one in chain if one.image.executable),
            user_id=raw.uid,
            user_name=self._users.name(raw.uid),
            group_id=raw.gid,
            container_id=cgroup and cgroup.container_id,
            cgroup=cgroup and cgroup.path,
            unit=cgroup and cgroup.unit,
            namespaces_pid=raw.pid_ns or None,
            namespaces_mnt=raw.mnt_ns or None,
            environ=image.environ or {},
        )
        process.labels = self._labeler.labels(process)
        return process

    def _as_thread(self, process: Process, raw: RawTask) -> Process:
        thread = process.__copy__()
        thread.tid, thread.name = raw.tid, raw.comm
        if self._labeler.per_thread:
            thread.labels = self._labeler.labels(thread)
        return thread

    def _cgroup(self, entry: Entry, raw: RawTask) -> Cgroup | None:
        """The cgroup that the kernel says `raw` is in, by name."""
        if entry.cgroup is None or entry.cgroup_id != raw.cgroup_id:
            read = entry.cgroup if entry.cgroup_id is None else None
            entry.cgroup = (
                self._cgroups.known(raw.cgroup_id)
                or self._cgroups.confirm(raw.cgroup_id, read)
                or self._cgroups.confirm(raw.cgroup_id, self._reader.cgroup(entry.key))
            )
            entry.cgroup_id = raw.cgroup_id
        return entry.cgroup


def _cut(value: str) -> str:
    """A variable's value, as long as profiler_env events have it."""
    return as_text(value.encode()[:_VALUE_BYTES])


def _is_cut(command_line: str | None) -> bool:
    """Whether the process may have more arguments than an exec event told of."""
    return command_line is None or len(command_line.encode()) >= _ARGV_BYTES - 1
