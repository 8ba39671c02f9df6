"""What tests of several areas share: findings as the engine makes them, and a disk to fill."""

import os
import subprocess
from typing import NamedTuple

import pytest

from profguard.model import Event, Finding

START_NS = 1_800_000_000_000_000_000  # 2027-01-15


class Change(NamedTuple):
    kind: str
    finding: Finding
    event: Event | None = None


@pytest.fixture
def change():
    """Change(kind, finding, event), as the engine hands it to the writer."""
    return Change


@pytest.fixture
def make_finding():
    """Make the finding of one ptrace, numbered; keywords replace its fields."""
    return finding


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 2 MB of its own."""
    if os.geteuid() != 0:
        pytest.skip("mounting a file system needs root")
    path = tmp_path / "disk"
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", path], check=True)
    yield path
    subprocess.run(["umount", "-l", path], check=True)


@pytest.fixture
def fill():
    """Fill a file's file system with it, to the last byte."""

    def fill(path):
        with open(path, "wb", buffering=0) as file:
            for size in (65536, 4096, 512):
                try:
                    while True:
                        file.write(b"x" * size)
                except OSError:
                    continue

    return fill


def finding(number: int = 0, *, event: Event | None = None, **fields) -> Finding:
    event = event or ptrace(number)
    values = {
        "id": f"0197a5c0-0000-7000-8000-{number:012x}",
        "rule_id": "ptrace-attach",
        "rule_title": "Debugger attached to a production process",
        "level": "high",
        "message": f"/usr/bin/gdb took control of /srv/shop ({number})",
        "event": event,
        "first_seen_ns": event.time_ns,
        "last_seen_ns": event.time_ns,
        "rules": ["ptrace-attach"],
        "tags": ("attack.t1055.008",),
        "mechanism": "ptrace",
        "started_ns": event.time_ns,
    }
    return Finding(**values | fields)


def ptrace(number: int = 0) -> Event:
    event = Event.from_dict(
        {
            "event": {"name": "ptrace", "source": "live"},
            "host": {"name": "shop-1"},
            "process": {
                "pid": 1000 + number,
                "start_boot_ns": 5_000_000 + number,
                "name": "gdb",
                "executable": "/usr/bin/gdb",
                "command_line": "gdb -p 42",
                "user": {"id": 1000, "name": "ann"},
            },
            "target": {
                "pid": 42,
                "start_boot_ns": 4_000_000,
                "name": "shop",
                "executable": "/srv/shop",
                "user": {"id": 33},
                "labels": ["production"],
            },
            "relation": "cross-uid",
            "ptrace": {"request": "PTRACE_ATTACH", "pid": 42, "ret": 0},
        }
    )
    event.time_ns = START_NS + number * 1_000_000_000
    return event
