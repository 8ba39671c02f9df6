"""A tool, declared: how it is run, and what the sensor must tell of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

TOOL, ITSELF, CHILD = "tool", "target itself", "child of the tool"


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool at work. `mechanism` and `named` are the finding's; without a mechanism there is none.

    `actor` is who does it. `starts`: the tool starts its target. `whole_machine`: it has no target.
    After `stop_s` it is interrupted, or told to end by its `input`, where it would go on otherwise.
    `ends`: the end of what it does is told before that of the target.
    """

    name: str
    package: str
    target: str
    command: tuple[str, ...]
    events: tuple[str, ...]
    mechanism: str | None = None
    named: str = "unknown"
    actor: str = TOOL
    findings: int = 1  # more, for the reason that its note tells
    has_session: bool = True  # one for each finding
    ends: bool = True
    starts: bool = False
    whole_machine: bool = False
    stop_s: float | None = None
    input: str = ""
    environ: Mapping[str, str] = field(default_factory=dict)
    may_be_refused: bool = False  # some kernels do not let it work
    undo: tuple[str, ...] = ()  # a command that removes what it leaves behind
    note: str = ""  # what nobody can see of it, and what could be seen instead

    @property
    def slug(self) -> str:
        return "".join(letter if letter.isalnum() else "_" for letter in self.name)
