"""What came of a tool, beside what the catalog expects of it."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from errno import EACCES, ENOENT, EPERM

from tests.tools.tool import CHILD, ITSELF, Tool

NOBODY = "no target"
REASONS = [os.strerror(number) for number in (EPERM, EACCES, ENOENT)] + ["not supported"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a tool and the sensor have told. `findings` has the lines about each."""

    tool: Tool
    pid: int
    target: int | None
    pids: frozenset[int]  # the tool and what it started
    failed: str | None  # what it said, where it did not end well
    events: Mapping[str, int]
    findings: list[list[dict]]
    sessions: list[dict]
    latency_s: float | None

    @property
    def finding(self) -> dict | None:
        """The first one as it was last told."""
        return self.findings[0][-1] if self.findings else None

    @property
    def is_refused(self) -> bool:
        """Whether this kernel does not let the tool work."""
        return bool(self.failed) and self.tool.may_be_refused

    @property
    def mechanism(self) -> str | None:
        return self.finding and self.finding["finding"]["mechanism"]

    @property
    def named(self) -> str | None:
        """The tool's name in the finding."""
        return self.finding and self.finding["finding"]["tool"]

    @property
    def is_ended(self) -> bool:
        """Whether the end of the act was told before that of its target."""
        return bool(self.finding and self.finding["finding"]["ended"])

    def seen(self) -> str:
        """Whether the sensor told of it, or why there was nothing to tell."""
        if self.is_refused:
            return f"refused: {_reason(self.failed)}"
        return "yes" if self.events else "no"

    def attribution(self) -> str:
        """Whom the finding names, if they are whom the test knows."""
        if self.finding is None:
            return ""
        if wrong := self.misattributed():
            return f"WRONG: {', '.join(wrong)}"
        if self.tool.actor == ITSELF:
            return ITSELF
        return f"{self.tool.actor}, {NOBODY if self.tool.whole_machine else 'target'}"

    def misattributed(self) -> list[str]:
        """Where the finding names another actor or target than there was."""
        if self.finding is None:
            return []
        actor = self.finding.get("process", {}).get("pid")
        target = self.finding.get("target", {}).get("pid")
        wrong = []
        if not self._is_actor(actor):
            wrong.append(f"actor {actor} is not the {self.tool.actor}")
        if target != (None if self.tool.whole_machine else self.target):
            wrong.append(f"target {target} is not {self.target}")
        return wrong

    def _is_actor(self, pid: int | None) -> bool:
        if self.tool.actor == ITSELF:
            return pid == self.target
        if self.tool.actor == CHILD:
            return pid in self.pids - {self.pid}
        return pid == self.pid

    def problems(self) -> Iterator[str]:
        """What is not as it should be."""
        tool = self.tool
        if self.is_refused:
            return
        if self.failed:
            yield f"the tool failed: {_reason(self.failed)}"
        missing = [name for name in tool.events if name not in self.events]
        if missing:
            yield f"no event {', '.join(missing)}, only {', '.join(self.events)}"
        wanted = tool.findings if tool.mechanism else 0
        if len(self.findings) != wanted:
            told = [lines[-1]["finding"]["message"] for lines in self.findings]
            yield f"{len(told)} findings, not {wanted}: {told}"
        sessions = wanted if tool.has_session else 0
        if len(self.sessions) != sessions:
            told = [(row["actor_executable"], row["mechanisms"]) for row in self.sessions]
            yield f"{len(told)} sessions, not {sessions}: {told}"
        if not self.findings or not wanted:
            return
        if self.mechanism != tool.mechanism:
            yield f"mechanism {self.mechanism}, not {tool.mechanism}"
        if self.named != tool.named:
            yield f"tool {self.named}, not {tool.named}"
        yield from self.misattributed()
        if tool.ends and not self.is_ended:
            yield "its end is not told"


def _reason(said: str) -> str:
    """Of all that a tool said the line that tells why it failed."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    telling = [line for line in lines if any(reason in line for reason in REASONS)]
    return (telling or lines or ["without a word"])[-1]
