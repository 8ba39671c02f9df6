"""The three things that travel through profguard: a process, an event, a finding.

A process is flat and an event holds its arguments as a list in registry order: that is what the
compiled rules read. The nested shape that users see (`process.parent.pid` and so on) is made by
`Event.as_dict` where an event leaves the program, and read by `Event.from_dict`.
"""

from typing import Annotated, Any, get_type_hints

import msgspec
from msgspec import Meta

from profguard.events import BY_NAME, Arg, EventSpec
from profguard.events.foreign import foreign_spec, foreign_value
from profguard.timefmt import from_rfc3339, rfc3339

Text = str | None
Number = int | None
Names = tuple[str, ...]


def _says(text: str) -> Meta:
    return Meta(description=text)


class Process(msgspec.Struct, kw_only=True):
    """One process as known at the time of an event. What is not known is None, or empty.

    `(pid, start_boot_ns)` identifies it: pids are reused, start times are not. An attribute's
    public name has dots where FIELD_NAMES says so.
    """

    pid: Annotated[Number, _says("process id, in the initial pid namespace")] = None
    tid: Annotated[Number, _says("id of the acting or targeted thread")] = None
    start_boot_ns: Annotated[Number, _says("start of the process in ns since boot")] = None
    start_time: Annotated[Text, _says("start of the process, RFC 3339")] = None
    name: Annotated[Text, _says("the thread's comm; the process can choose it freely")] = None
    executable: Annotated[Text, _says("absolute path of the executable")] = None
    inode: Annotated[Number, _says("inode of the executable")] = None
    command_line: Annotated[Text, _says("arguments, joined by spaces; from user memory")] = None
    parent_pid: Annotated[Number, _says("process id of the parent")] = None
    parent_name: Annotated[Text, _says("comm of the parent")] = None
    parent_executable: Annotated[Text, _says("executable of the parent")] = None
    parent_command_line: Annotated[Text, _says("arguments of the parent")] = None
    ancestors: Annotated[Names, _says("executables of the ancestors, parent first")] = ()
    user_id: Annotated[Number, _says("real user id")] = None
    user_name: Annotated[Text, _says("name of that user on this host")] = None
    group_id: Annotated[Number, _says("real group id")] = None
    container_id: Annotated[Text, _says("id of the container")] = None
    cgroup: Annotated[Text, _says("path of the control group")] = None
    unit: Annotated[Text, _says("systemd unit")] = None
    namespaces_pid: Annotated[Number, _says("inode of the pid namespace")] = None
    namespaces_mnt: Annotated[Number, _says("inode of the mount namespace")] = None
    labels: Annotated[Names, _says("labels that the configuration gives this process")] = ()
    environ: Annotated[
        dict[str, str],
        _says("environment at exec: the variables that a label or rule names; from user memory"),
    ] = {}

    @property
    def identity(self) -> tuple[int | None, int | None]:
        return self.pid, self.start_boot_ns

    def as_dict(self) -> dict[str, Any]:
        """The nested public shape; what is not known is left out."""
        out: dict[str, Any] = {}
        for attr, path in FIELD_PATHS.items():
            value = getattr(self, attr)
            if value is None or value == () or value == {}:
                continue
            node = out
            for step in path[:-1]:
                node = node.setdefault(step, {})
            node[path[-1]] = list(value) if isinstance(value, tuple) else value
        return out

    @classmethod
    def from_dict(cls, nested: dict[str, Any]) -> "Process":
        """The process of a nested public shape. Raises TypeError on a value of the wrong type."""
        values = {}
        for attr, path in FIELD_PATHS.items():
            node: Any = nested
            for step in path:
                node = node.get(step) if isinstance(node, dict) else None
            if isinstance(node, int) and node < 0:
                raise TypeError(f"{'.'.join(path)} is negative")
            if node is not None:
                values[attr] = tuple(node) if isinstance(node, list) else node
        try:
            return msgspec.convert(values, cls)
        except msgspec.ValidationError as error:
            raise TypeError(str(error)) from None


# Attributes whose public name has a dot: process.parent.pid, process.user.name, ...
_GROUPS = ("parent", "user", "group", "container", "namespaces")


def _public_path(attr: str) -> tuple[str, ...]:
    head, _, rest = attr.partition("_")
    return (head, rest) if head in _GROUPS and rest else (attr,)


FIELD_PATHS = {attr: _public_path(attr) for attr in Process.__struct_fields__}
PROCESS_FIELDS = {".".join(path): attr for attr, path in FIELD_PATHS.items()}
PROCESS_MEANINGS = {
    ".".join(FIELD_PATHS[attr]): hint.__metadata__[0].description
    for attr, hint in get_type_hints(Process, include_extras=True).items()
}

RELATIONS = {
    "self": "a process profiles itself",
    "child": "the target is a child of the profiler",
    "parent": "the target is the parent of the profiler",
    "same-uid": "another process of the same user",
    "cross-uid": "a process of another user",
    "cross-container": "a process in another container, or on the other side of one",
    "cpu-wide": "everything that runs on a CPU",
    "cgroup": "everything in a cgroup",
}
SOURCES = {
    "live": "seen as it happened",
    "snapshot": "was already so when the sensor started",
    "replay": "read from a capture",
}


class Event(msgspec.Struct, kw_only=True):
    """One kernel fact. `args` has the values of `spec.public_args`, in that order.

    `origin` is the object that another sensor printed, for the rules that are written for it; it
    is never changed, shown or stored.
    """

    spec: EventSpec
    time_ns: int  # wall clock, ns since the epoch
    args: list[Any]
    process: Process | None = None
    target: Process | None = None
    relation: str | None = None
    source: str = "live"
    tier: str | None = None
    host: str | None = None
    boot_ns: int | None = None
    cpu: int | None = None
    sequence: int | None = None
    origin: dict[str, Any] | None = None

    def __getitem__(self, name: str) -> Any:
        """The argument called `name`."""
        return self.args[self.spec.index[name]]

    def __setitem__(self, name: str, value: Any) -> None:
        self.args[self.spec.index[name]] = value

    @property
    def at_ns(self) -> int:
        """Time for differences: boot time, which does not jump, where it is known."""
        return self.time_ns if self.boot_ns is None else self.boot_ns

    def as_dict(self) -> dict[str, Any]:
        """The public shape: one JSON object, nested by dots, with `"type": "event"`."""
        head = {"name": self.spec.name, "time": rfc3339(self.time_ns), "source": self.source}
        if self.spec.sensor is not None:
            head["sensor"] = self.spec.sensor
        for key in ("tier", "boot_ns", "cpu", "sequence"):
            value = getattr(self, key)
            if value is not None:
                head[key] = value
        out: dict[str, Any] = {"type": "event", "event": head}
        if self.host is not None:
            out["host"] = {"name": self.host}
        if self.process is not None:
            out["process"] = self.process.as_dict()
        if self.target is not None:
            out["target"] = self.target.as_dict()
        if self.relation is not None:
            out["relation"] = self.relation
        out[self.spec.name] = {
            arg.name: list(value) if isinstance(value, tuple) else value
            for arg, value in zip(self.spec.public_args, self.args, strict=True)
        }
        return out

    @classmethod
    def from_dict(cls, nested: dict[str, Any]) -> "Event":
        """The event of a public shape.

        Raises KeyError for an unknown event and ValueError or TypeError for a wrong value. One that
        names its sensor is a foreign event, whatever its name.
        """
        head = _Head.from_dict(_table(nested, "event"))
        spec, args = _arguments(head, nested)
        process, target = nested.get("process"), nested.get("target")
        relation, host = nested.get("relation"), _table(nested, "host").get("name")
        for name, value in (("relation", relation), ("host.name", host)):
            if not isinstance(value, str | None):
                raise TypeError(f"{name} is not a text")
        return cls(
            spec=spec,
            time_ns=0 if head.time is None else from_rfc3339(head.time),
            args=args,
            process=None if process is None else Process.from_dict(_table(nested, "process")),
            target=None if target is None else Process.from_dict(_table(nested, "target")),
            relation=relation,
            source=head.source,
            tier=head.tier,
            host=host,
            boot_ns=head.boot_ns,
            cpu=head.cpu,
            sequence=head.sequence,
        )


class _Head(msgspec.Struct):
    """The object `event` of the public shape."""

    name: str
    sensor: str | None = None
    time: str | None = None
    source: str = "live"
    tier: str | None = None
    boot_ns: Annotated[int, Meta(ge=0)] | None = None
    cpu: int | None = None
    sequence: int | None = None

    @classmethod
    def from_dict(cls, head: dict[str, Any]) -> "_Head":
        if "name" not in head:
            raise ValueError("it has no event.name")
        try:
            return msgspec.convert(head, cls)
        except msgspec.ValidationError as error:
            raise TypeError(f"event: {error}") from None


def _arguments(head: _Head, nested: dict[str, Any]) -> tuple[EventSpec, list[Any]]:
    if head.sensor is not None:
        values = _table(nested, head.name)
        spec = foreign_spec(head.sensor, head.name, tuple(values))
        return spec, [foreign_value(value) for value in values.values()]
    spec = BY_NAME[head.name]
    values = _table(nested, spec.name)
    unknown = values.keys() - spec.index.keys()
    if unknown:
        raise ValueError(f"event {spec.name} has no argument {min(map(str, unknown))!r}")
    return spec, [arg_value(spec, arg, values.get(arg.name)) for arg in spec.public_args]


def _table(nested: dict[str, Any], key: str) -> dict[str, Any]:
    value = nested.get(key, {})
    if not isinstance(value, dict):
        raise TypeError(f"{key!r} is not an object")
    return value


def arg_value(spec: EventSpec, arg: Arg, value: Any) -> Any:
    """A JSON value as an argument of that event. Raises TypeError on one of the wrong type."""
    if value is None:
        return None
    kind = arg.type
    if kind == "list":
        item = "int" if (arg.ctype or "").startswith("u") and not arg.bits else "str"
        if isinstance(value, list | tuple) and all(_is_a(item, each) for each in value):
            return tuple(value)
        raise TypeError(f"{spec.name}.{arg.name} is not a list of {item}")
    if not _is_a(kind, value):
        raise TypeError(f"{spec.name}.{arg.name} is not of type {kind}")
    return value


_PYTHON_TYPES = {"int": int, "str": str, "bool": bool}


def _is_a(kind: str, value: Any) -> bool:
    """Whether it is a value of that type; a number must be one that the kernel can send."""
    if kind == "int":
        is_number = isinstance(value, int) and not isinstance(value, bool)
        return is_number and -(1 << 63) <= value < 1 << 64
    return isinstance(value, _PYTHON_TYPES[kind])


LEVELS = ("informational", "low", "medium", "high", "critical")


class Finding(msgspec.Struct, kw_only=True):
    """One act that a rule objects to, with the event that showed it first.

    An act is what one process does to one target. `rules` holds every rule that matched it, the
    one that names the finding first; `count` says how many matches were folded in.
    """

    id: str  # UUIDv7, made from the time of its first event
    rule_id: str
    rule_title: str
    level: str
    message: str
    event: Event
    first_seen_ns: int
    last_seen_ns: int
    count: int = 1
    rules: list[str]
    tags: Names = ()
    mechanism: str | None = None
    session: str | None = None
    started_ns: int | None = None
    ended_ns: int | None = None
    duration_ns: int | None = None
    tainted: bool = False
    tool: str | None = None  # that the actor is; "unknown" where no data names it
    tool_sha256: str | None = None  # of what an unknown one executes, once it is known
    evidence: tuple[Event, ...] = ()  # of a correlation: the events that it joined, oldest first

    def as_dict(self) -> dict[str, Any]:
        """The public shape: one JSON object with `"type": "finding"`; `event` is nested whole."""
        event = self.event.as_dict()
        event.pop("type")
        shared = {key: event.pop(key) for key in ("process", "target", "host") if key in event}
        return {
            "type": "finding",
            "finding": {
                "id": self.id,
                "first_seen": rfc3339(self.first_seen_ns),
                "last_seen": rfc3339(self.last_seen_ns),
                "count": self.count,
                "message": self.message,
                "tool": self.tool,
                "tool_sha256": self.tool_sha256,
                "mechanism": self.mechanism,
                "session": self.session,
                "started": None if self.started_ns is None else rfc3339(self.started_ns),
                "ended": None if self.ended_ns is None else rfc3339(self.ended_ns),
                "duration_ns": self.duration_ns,
                "tainted": self.tainted,
                "rules": self.rules,
            },
            "rule": {
                "id": self.rule_id,
                "title": self.rule_title,
                "level": self.level,
                "tags": list(self.tags),
            },
            **shared,
            "relation": event.pop("relation", None),
            **event,
        }
