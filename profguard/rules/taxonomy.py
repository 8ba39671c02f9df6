"""Which log sources are ours, and how the standard Sigma taxonomy names our fields.

A field mapped to None is one that the taxonomy has and profguard does not observe: it is always
absent.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

SERVICE = "profguard"
PRODUCT = "linux"


class LogSource(NamedTuple):
    """What `logsource` says; None is any."""

    product: str | None = None
    service: str | None = None
    category: str | None = None

    @classmethod
    def of(cls, value: dict[str, Any]) -> "LogSource":
        return cls(*map(value.get, cls._fields))

    def covers(self, other: "LogSource") -> bool:
        """Whether all that is `other` is this too, as a filter's log source covers a rule's."""
        return all(mine in (None, its) for mine, its in zip(self, other, strict=True))

    def __str__(self):
        return "/".join(filter(None, self))


ANY_SOURCE = LogSource()


@dataclass(frozen=True)
class Mapping:
    """A generic log source of Sigma that one of our events serves."""

    category: str
    event: str
    fields: dict[str, str | None]


PROCESS_CREATION = Mapping(
    category="process_creation",
    event="sched_process_exec",
    fields={
        "Image": "process.executable",
        "CommandLine": "process.command_line",
        "ParentImage": "process.parent.executable",
        "ParentCommandLine": "process.parent.command_line",
        "ProcessId": "process.pid",
        "ParentProcessId": "process.parent.pid",
        "User": "process.user.name",
        "UtcTime": "event.time",
        "Computer": "host.name",
        "CurrentDirectory": None,
        "LogonId": None,
        "LogonGuid": None,
        "TerminalSessionId": None,
        "IntegrityLevel": None,
        "Hashes": None,
        "md5": None,
        "sha1": None,
        "sha256": None,
        "imphash": None,
        "Imphash": None,
        "FileVersion": None,
        "Description": None,
        "Product": None,
        "Company": None,
        "OriginalFileName": None,
        "ProcessGuid": None,
        "ParentProcessGuid": None,
        "ParentUser": None,
    },
)

MAPPINGS = {mapping.category: mapping for mapping in (PROCESS_CREATION,)}
