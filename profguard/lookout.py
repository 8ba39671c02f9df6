"""The names that the kernel side looks out for: variables, libraries of agents, runtimes.

They are data, in lookout.toml; the configuration adds agents.
"""

import struct
import tomllib
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path

from profguard.events.runtimes import RUNTIMES

SHIPPED = Path(__file__).with_name("lookout.toml")
_TEXT = 59  # PG_NAME_TEXT of bpf/maps.h
MAX_VARIABLE = 31  # PG_VARIABLE_SIZE of bpf/environ.h, with a NUL
MAX_AGENT = 48  # leaves room for what _IN_MEMORY says
_VARIABLE, _AGENT, _RUNTIME = b"e", b"a", b"r"
_IN_MEMORY = "memfd:"  # how the kernel calls a file that memfd_create(2) has made
_KEY = struct.Struct(f"<Ic{_TEXT}s")  # struct pg_name

Agents = Mapping[str, tuple[str, ...]]


class Lookout:
    """The shipped names, and beside them `agents` by name: how their libraries' names begin."""

    def __init__(self, agents: Agents | None = None):
        self._added = dict(agents or {})

    def entries(self) -> Iterator[tuple[bytes, int]]:
        """Keys and values of the kernel's map."""
        for names in self._shipped["variables"].values():
            for name in names:
                yield _key(_VARIABLE, f"{name}="), len(name)
        for beginning in self._agents:
            yield _key(_AGENT, beginning), 1
            yield _key(_AGENT, _IN_MEMORY + beginning), 1
        numbers = {name: number for number, name in RUNTIMES.items()}
        for runtime, names in self._shipped["runtimes"].items():
            for name in names:
                text = name.removesuffix("*") if name.endswith("*") else f"{name}\0"
                yield _key(_RUNTIME, text), numbers[runtime]

    def agent(self, name: str) -> str | None:
        """What a library of this file name is called; the longest beginning counts."""
        name = name.removeprefix(_IN_MEMORY)
        known = (each for each in self._agents if name.startswith(each))
        longest = max(known, key=len, default=None)
        return self._agents.get(longest)

    @cached_property
    def _agents(self) -> dict[str, str]:
        """The agent of each beginning; the configuration's own name for one comes first."""
        return {
            beginning: agent
            for table in (self._shipped["agents"], self._added)
            for agent, beginnings in table.items()
            for beginning in beginnings
        }

    @cached_property
    def _shipped(self) -> dict[str, dict[str, list[str]]]:
        return tomllib.loads(SHIPPED.read_text(encoding="utf-8"))


def _key(kind: bytes, text: str) -> bytes:
    raw = text.encode()
    return _KEY.pack(8 * (1 + len(raw)), kind, raw)
