"""One batch of questions to the worker, and what is done where it does not live to answer."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from profguard.rules.rego.process import Process, Stop
from profguard.rules.rego.record import Record
from profguard.rules.rego.service import Service
from profguard.rules.rego.worker import BLOCK, ITEM

BLOCK_INPUTS = 256  # of one policy, handed over at once: the worker is at them meanwhile

Block = tuple[int, list[bytes]]


class Batch:
    """Inputs by policy, each asked once, however many events have it."""

    def __init__(self, record: Record, service: Service):
        self.record, self.service = record, service
        self.events: dict[tuple[int, bytes], list[int]] = {}
        self.open: dict[int, list[bytes]] = {}
        self.pushed: list[Block] = []
        self.process: Process | None = None
        self.suspects: set[tuple[int, bytes]] = set()

    def add(self, number: int, text: bytes, event: int) -> None:
        """The event with this number has this input for this policy."""
        events = self.events.get((number, text))
        if events is not None:
            events.append(event)
            return
        self.events[number, text] = [event]
        texts = self.open.setdefault(number, [])
        texts.append(text)
        if len(texts) == BLOCK_INPUTS:
            self.push(number, self.open.pop(number))

    def push(self, number: int, texts: list[bytes]) -> None:
        self.pushed.append((number, texts))
        if self.process is None:
            # Where none can be had the answers will say so.
            with suppress(OSError):
                self.process = self.service.process()
        if self.process is not None:
            self.process.push(b"E", BLOCK.pack(number), b"\n".join(texts))

    def answers(self) -> Iterator[tuple[int, list[int], tuple[Any, ...]]]:
        """Policy, events and results of every input that was added and has an answer."""
        for number, texts in self.open.items():
            self.push(number, texts)
        while self.pushed:
            blocks, self.pushed = self.pushed, []
            if self.process is None:
                self.give_up(blocks, "no worker can be started")
                return
            done = 0
            try:
                for answer in self.process.answers():
                    yield from self.taken(*blocks[done], answer)
                    done += 1
            except Stop as stop:
                self.process = None
                self.service.lost()
                self.again(blocks[done:], stop)

    def taken(self, number: int, texts: list[bytes], answer: bytes):
        record = self.record
        policy = record.policies[number]
        record.statistics[policy].evaluations += len(texts)
        said: dict[int, str | None] = dict.fromkeys(range(len(texts)))
        for line, is_error, text in _items(answer):
            if is_error:
                record.failed(policy, text)
                del said[line]
            else:
                said[line] = text
        for line, text in said.items():
            found = record.answered(number, texts[line], text)
            if found:
                yield number, self.events[number, texts[line]], found

    def again(self, blocks: list[Block], stop: Stop) -> None:
        """Ask a new worker what the old one left open, without what it ended at.

        What was only under evaluation when something else killed the worker is asked once more.
        """
        if stop.item is not None:
            number, texts = blocks[0]
            text = texts[stop.item]
            if stop.slow or (number, text) in self.suspects:
                self.strike(number, stop)
                self.record.answered(number, text, None)  # it is never asked again
                blocks[0] = (number, texts[: stop.item] + texts[stop.item + 1 :])
            self.suspects.add((number, text))
        elif (0, b"") in self.suspects:
            self.give_up(blocks, "the worker ends as soon as it is asked")
            return
        else:
            self.suspects.add((0, b""))
        for number, texts in blocks:
            policy = self.record.policies[number]
            if self.record.statistics[policy].switched_off or not self.service.has(number):
                self.give_up([(number, texts)], self.record.statistics[policy].last_error or "")
            elif texts:
                self.push(number, texts)

    def strike(self, number: int, stop: Stop) -> None:
        policy = self.record.policies[number]
        statistics = self.record.statistics[policy]
        if stop.slow:
            statistics.timeouts += 1
            said = f"evaluation takes longer than {self.service.limit_s:g} s"
        else:
            statistics.crashes += 1
            said = "evaluation ends the engine"
        self.record.failed(policy, said)
        if statistics.switched_off:
            self.service.drop(number)
            self.record.on_trouble(
                f"rule '{policy.about.title}' is switched off until rules reload"
            )

    def give_up(self, blocks: list[Block], said: str) -> None:
        for number, texts in blocks:
            for _ in texts:
                self.record.failed(self.record.policies[number], said)


def _items(answer: bytes) -> Iterator[tuple[int, bool, str]]:
    at = 0
    while at < len(answer):
        line, kind, length = ITEM.unpack_from(answer, at)
        at += ITEM.size
        yield line, bool(kind), answer[at : at + length].decode()
        at += length
