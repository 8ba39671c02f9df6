"""What can be configured: each value's type, default and meaning, declared once.

Validation, the JSON schema and `profguard config show --defaults` all come from here.
"""

import os
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from profguard.config.source import Source
from profguard.errors import Place
from profguard.model import LEVELS
from profguard.resources import folder

SYSTEM_PATH = Path("/etc/profguard/profguard.toml")
SYSTEM_DATABASE = "/var/lib/profguard/profguard.db"

Name = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$",
        title="a name of letters, digits, '.', '_' and '-'",
    ),
]
Address = Annotated[
    str,
    Meta(
        pattern=r"^((\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):"
        r"(6553[0-5]|655[0-2]\d|65[0-4]\d\d|6[0-4]\d{3}|[1-5]\d{4}|[1-9]\d{0,3}))?$",
        title="an address and port as '127.0.0.1:9464'",
    ),
]
NameBeginning = Annotated[
    str,
    Meta(pattern=r"^[!-.0-~]{1,48}$", title="the beginning of a file's name, in ASCII"),
]
Url = Annotated[str, Meta(pattern=r"^https?://[^\s/]", title="an http or https URL")]


def default_database() -> str:
    """The system's database for root, one in the working directory for anyone else."""
    return SYSTEM_DATABASE if os.geteuid() == 0 else "./profguard.db"


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One table of the file. Paths in it are relative to the file's folder."""


class Store(Section):
    """Where findings are kept, and for how long."""

    path: Annotated[
        str,
        Meta(
            min_length=1,
            description=f"the SQLite database; for root {SYSTEM_DATABASE}, else ./profguard.db",
        ),
    ] = msgspec.field(default_factory=default_database)
    retention_days: Annotated[
        int,
        Meta(
            ge=0, le=36500, description="delete findings and sessions older than this; 0 keeps them"
        ),
    ] = 90
    max_size_mb: Annotated[
        int,
        Meta(
            ge=0,
            le=1 << 20,
            description="delete the oldest beyond this, findings last; 0: no limit",
        ),
    ] = 1024


class Rules(Section):
    """Which rules are loaded."""

    paths: Annotated[
        tuple[str, ...],
        Meta(
            description="folders and files with rules, and `shipped` for those of the program; "
            "without any, the shipped rules"
        ),
    ] = ()
    placeholders: Annotated[
        dict[str, tuple[str, ...]],
        Meta(description="the values that rules mean by %name% with the modifier expand"),
    ] = {}
    data: Annotated[
        dict[str, Any],
        Meta(description="documents that rules in Rego see as data.NAME: texts, lists, tables"),
    ] = {}
    skip_bad: Annotated[
        bool, Meta(description="leave out rules with errors, instead of refusing to start")
    ] = False


class Sensor(Section):
    """How the kernel is watched."""

    ring_mb: Annotated[
        int,
        Meta(ge=1, le=1024, description="size of the ring buffer in MiB, a power of two"),
    ] = 8
    max_rate: Annotated[
        int,
        Meta(
            ge=0,
            le=1 << 31,
            description="events a second that are alike (of one name, process and target) and are "
            "taken one by one; more are counted only. 0: all are taken",
        ),
    ] = 1000
    max_processes: Annotated[
        int, Meta(ge=1024, le=4194304, description="how many processes are known at once")
    ] = 65536
    agents: Annotated[
        dict[str, tuple[NameBeginning, ...]],
        Meta(
            description="libraries of profilers beside those that the program knows: by the "
            "agent's name, how their files' names begin"
        ),
    ] = {}


class Redact(Section):
    """What is masked before anything is stored or sent, beside the built-in patterns."""

    patterns: Annotated[
        tuple[str, ...],
        Meta(
            description="regular expressions; what they match, or the group (?P<secret>...), is "
            "masked"
        ),
    ] = ()


class Metrics(Section):
    """Figures about the sensor, for Prometheus."""

    address: Annotated[
        Address,
        Meta(
            description="where http://ADDRESS/metrics is served to anyone who reaches it, such as "
            "127.0.0.1:9464; empty: nowhere"
        ),
    ] = ""


class Alert(Section):
    """One destination of alerts."""

    name: Annotated[Name, Meta(description="what the destination is called")]
    sink: Annotated[Name, Meta(description="how it is reached: webhook or file")]
    url: Annotated[Url | None, Meta(description="of a webhook: where to send")] = None
    path: Annotated[str | None, Meta(description="of a file: where to append")] = None
    secret_file: Annotated[
        str | None, Meta(description="file with the secret that signs a webhook")
    ] = None
    secret_env: Annotated[
        str | None, Meta(description="environment variable with that secret, instead of a file")
    ] = None
    min_level: Annotated[
        Literal[LEVELS],
        Meta(description="the lowest level that is sent", title=f"one of {', '.join(LEVELS)}"),
    ] = "medium"
    format: Annotated[Name, Meta(description="what a message looks like")] = "json"
    rules: Annotated[
        tuple[str, ...], Meta(description="send findings of these rules (ids) only; empty: all")
    ] = ()
    labels: Annotated[
        tuple[str, ...],
        Meta(description="send findings about processes with one of these labels only; empty: all"),
    ] = ()
    timeout_s: Annotated[
        float, Meta(ge=0.1, le=300, description="how long one delivery may take")
    ] = 10.0
    max_attempts: Annotated[
        int, Meta(ge=1, le=1000, description="deliveries tried before giving up")
    ] = 10


class LabelDefinition(msgspec.Struct, frozen=True):
    """One label or tool: a Sigma selection over process fields, or a list of which any matches.

    `table` is where the file has it.
    """

    name: str
    selection: dict[str, Any] | list[dict[str, Any]]
    source: Source | None = None
    table: str = "labels"

    def place(self, *path: str | int) -> Place | None:
        """Where the label, or the part of its selection at `path`, is defined."""
        return self.source.place(self.table, self.name, *path) if self.source else None


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """The whole configuration; `source` is the file it was read from, if there was one."""

    store: Store = msgspec.field(default_factory=Store)
    rules: Rules = Rules()
    sensor: Sensor = Sensor()
    redact: Redact = Redact()
    metrics: Metrics = Metrics()
    labels: tuple[LabelDefinition, ...] = ()
    tools: tuple[LabelDefinition, ...] = ()
    alerts: tuple[Alert, ...] = ()
    source: Source | None = None

    @property
    def rule_paths(self) -> tuple[str, ...]:
        """Where to look for rules: the configured paths, or else the shipped rules."""
        return self.rules.paths or (str(folder("rules")),)

    def place(self, *path: str | int) -> Place | None:
        """Where a key is set: `place("alerts", 0, "sink")`."""
        return self.source.place(*path) if self.source else None


SECTIONS: dict[str, type[Section]] = {
    "store": Store,
    "rules": Rules,
    "sensor": Sensor,
    "redact": Redact,
    "metrics": Metrics,
}
LABELS_MEANING = (
    "what a process is: each label is a Sigma selection over process fields, or a list of them, "
    "any of which is enough"
)
TOOLS_MEANING = (
    "what a tool is called, beside those that the program knows and before them: selections as of "
    "labels, but for environ; the first that fits names the tool"
)
TOP_LEVEL = (*SECTIONS, "labels", "tools", "alerts")
