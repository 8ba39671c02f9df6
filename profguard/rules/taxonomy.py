"""Which log sources are ours, and how the standard Sigma taxonomy names our fields. Only data.

A field mapped to None is one that the taxonomy has and profguard does not observe: it is always
absent.
"""

from dataclasses import dataclass

SERVICE = "profguard"
PRODUCT = "linux"


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
