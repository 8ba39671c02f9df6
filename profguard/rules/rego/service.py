"""The worker with its policies: loaded into it, asked of them, and again after a restart."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import msgspec

from profguard.rules.rego.process import LIMIT_S, Process, Stop
from profguard.rules.rego.source import Module

_encode, _decode = msgspec.json.encode, msgspec.json.decode


@dataclass(frozen=True, slots=True)
class Query:
    """Rules by their full names, of one policy, for one input."""

    policy: int
    input: bytes
    rules: tuple[str, ...]


class Service:
    """Policies by number, in a worker that is started early and asked late.

    Whatever a policy does to the worker: it is started again, and loaded with what was loaded.
    """

    def __init__(self, data: Any = None, limit_s: float = LIMIT_S):
        self._data = _encode({"data": _encode(data or {}).decode()})
        self.limit_s = limit_s
        self._loads: dict[int, bytes] = {}
        self._process: Process | None = None
        self._fresh = False  # started, and nothing loaded
        self.builtins: frozenset[str] = frozenset()
        with suppress(OSError):  # told when it is used
            self.start()

    def start(self) -> None:
        """Start the worker. Raises OSError; what else goes wrong shows when it is used."""
        self._process, self._fresh = Process(self.limit_s), True

    def process(self) -> Process:
        """A worker that has all policies. Raises OSError where none can be had."""
        if self._process is None:
            self.start()
        if self._fresh:
            self._fill()
        return self._process

    def _fill(self) -> None:
        """Load what is known. A policy that the worker does not survive is not loaded again."""
        while True:
            loads = list(self._loads)
            process = self._process
            process.push(b"D", self._data)
            for number in loads:
                process.push(b"L", self._loads[number])
            try:
                first, *_ = process.answers()
            except Stop as stop:
                if not 0 < stop.frame <= len(loads):
                    self.stop()
                    raise ChildProcessError("the Rego worker ends as it starts") from None
                del self._loads[loads[stop.frame - 1]]
                self.start()
            else:
                self.builtins = frozenset(_decode(first)["builtins"])
                self._fresh = False
                return

    def load(
        self, policies: dict[int, tuple[Sequence[Module], str]]
    ) -> dict[int, dict[str, Any] | Stop]:
        """Load policies, each by its modules and the rule to ask; the answers by their numbers.

        An answer has a `tree`, or an `error` and the `file` by its number.
        """
        frames = [
            (b"L", _load(number, modules, entry, tree=True))
            for number, (modules, entry) in policies.items()
        ]
        numbers = list(policies)

        def loaded(index: int, answer: Any) -> None:
            if "tree" in answer:
                modules, entry = policies[numbers[index]]
                self._loads[numbers[index]] = _load(numbers[index], modules, entry, tree=False)

        return dict(zip(numbers, self._exchange(frames, loaded), strict=True))

    def drop(self, number: int) -> None:
        """Never ask this policy again."""
        self._loads.pop(number, None)

    def has(self, number: int) -> bool:
        return number in self._loads

    def ask(self, queries: Sequence[Query]) -> list[list[tuple[str, str]] | Stop]:
        """For each query its answers, each ("value", JSON) or ("error", what the engine says)."""
        frames = [
            (b"Q", _encode({"policy": q.policy, "input": q.input.decode(), "rules": q.rules}))
            for q in queries
        ]
        return self._exchange(frames)

    def _exchange(
        self,
        frames: list[tuple[bytes, bytes]],
        done: Callable[[int, Any], None] = lambda _index, _answer: None,
    ) -> list[Any]:
        """The answers to frames; a Stop for each that the worker was at when it ended.

        A frame that it had not begun with is sent again, once.
        """
        answers: list[Any] = []
        again = False
        while len(answers) < len(frames):
            process = self.process()
            for kind, body in frames[len(answers) :]:
                process.push(kind, body)
            try:
                for answer in process.answers():
                    answers.append(_decode(answer))
                    done(len(answers) - 1, answers[-1])
            except Stop as stop:
                self.lost()
                if stop.item is not None or again:
                    answers.append(stop)
                again = stop.item is None
        return answers

    def lost(self) -> None:
        """The worker ended."""
        self._process = None

    def stop(self) -> None:
        """End the worker; it is started again when it is needed."""
        if self._process is not None:
            self._process.close()
            self._process = None


def _load(number: int, modules: Sequence[Module], entry: str, *, tree: bool) -> bytes:
    files = [(str(n), module.text, module.dialects) for n, module in enumerate(modules)]
    return _encode({"policy": number, "files": files, "entry": entry, "tree": tree})
