"""Policies in force: events go in, in batches, and come out with what each policy says of them."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from profguard.errors import Problem
from profguard.model import Event
from profguard.rules.rego.batch import Batch
from profguard.rules.rego.load import load_policies, read_modules
from profguard.rules.rego.messages import no_engine
from profguard.rules.rego.policy import Policy
from profguard.rules.rego.record import Record
from profguard.rules.rego.service import Service
from profguard.tracee import event_name

MAX_NAMES = 4096  # of events, for which is remembered who is asked


@dataclass(eq=False)
class RegoPack:
    """Policies with their worker. Use `load_pack`; `close` ends the worker.

    The same events get the same answers, whatever the batches: policies are pure, and what the
    worker did not live to say is asked again.
    """

    policies: dict[int, Policy]
    service: Service = field(repr=False)
    record: Record = field(init=False, repr=False)

    def __post_init__(self):
        self.record = Record(self.policies)
        self._selected: dict[tuple[str, str], tuple[tuple[int, Policy], ...]] = {}

    def evaluate(self, events: Sequence[Event]) -> list[tuple[tuple[Policy, tuple[Any, ...]], ...]]:
        """For each event the policies that it fulfils, in their order, each with its results.

        A result is True, a text, or an object. Never raises for what a policy does.
        """
        batch = Batch(self.record, self.service)
        found: list[dict[int, tuple[Any, ...]]] = [{} for _ in events]
        for index, event in enumerate(events):
            for number, policy in self.asked(event):
                text = self._input(policy, event)
                if text is None:
                    continue
                known = self.record.known(number, text)
                if known is None:
                    batch.add(number, text, index)
                elif known:
                    found[index][number] = known
        for number, indexes, answer in batch.answers():
            for index in indexes:
                found[index][number] = answer
        policies = self.policies
        return [
            tuple((policies[number], each[number]) for number in sorted(each)) for each in found
        ]

    def asked(self, event: Event) -> Iterator[tuple[int, Policy]]:
        """The policies that are asked of an event, with their numbers."""
        names = event.spec.name, event_name(event)
        selected = self._selected.get(names)
        if selected is None:
            selected = tuple(each for each in self.policies.items() if each[1].selects(*names))
            if len(self._selected) < MAX_NAMES:
                self._selected[names] = selected
        for number, policy in selected:
            if policy.about.origins and not policy.accepts(event):
                continue
            if not self.record.statistics[policy].switched_off:
                yield number, policy

    def _input(self, policy: Policy, event: Event) -> bytes | None:
        try:
            return policy.input(event)
        except (TypeError, ValueError, KeyError, AttributeError, RecursionError) as error:
            self.record.failed(policy, f"the event has an unexpected shape: {error!r}")
            return None

    def keep(self, policies: Collection[Policy]) -> None:
        """Ask no other policies than these."""
        for number, policy in list(self.policies.items()):
            if policy not in policies:
                del self.policies[number]
                self.service.drop(number)

    def close(self) -> None:
        """End the worker. Evaluating again starts another."""
        self.service.stop()


def load_pack(
    paths: Sequence[Path],
    problems: list[Problem],
    service: Service | None = None,
    **options: Any,
) -> RegoPack:
    """The policies of .rego files, with what is wrong with the others in `problems`.

    `options` are those of Service, for where it is not started yet.
    """
    service = service or Service(**options)
    modules = read_modules(paths, problems)
    try:
        policies = load_policies(modules, service, problems)
    except OSError as error:
        problems.append(no_engine(error, paths[0]))
        policies = {}
    return RegoPack(policies, service)
