"""What each policy did since it was loaded: how often, what failed, and what it answered."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from profguard.rules.rego.memory import Memory
from profguard.rules.rego.messages import sentence_of
from profguard.rules.rego.policy import Policy, results

MAX_STRIKES = 3  # a policy that was too slow, or took the worker down, so often is switched off


@dataclass
class Statistics:
    """What a policy did since it was loaded; `evaluations` are those that the engine did."""

    evaluations: int = 0
    errors: int = 0
    timeouts: int = 0
    crashes: int = 0
    last_error: str | None = None

    @property
    def switched_off(self) -> bool:
        return self.timeouts + self.crashes >= MAX_STRIKES


class Record:
    """The statistics and the answers of policies. `on_trouble` is told a policy's first error."""

    def __init__(self, policies: Mapping[int, Policy]):
        self.policies = policies
        self.statistics = {policy: Statistics() for policy in policies.values()}
        self.on_trouble: Callable[[str], None] = lambda _trouble: None
        self._memories = {number: Memory() for number in policies}

    def known(self, number: int, text: bytes) -> tuple[Any, ...] | None:
        """What that policy answered to this input before; None if that is not known."""
        return self._memories[number].get(text)

    def answered(self, number: int, text: bytes, answer: str | None) -> tuple[Any, ...]:
        """The results that an engine's answer means (None: no match), from now on remembered."""
        try:
            value = () if answer is None else results(answer)
        except ValueError as error:
            self.failed(self.policies[number], str(error))
            value = ()
        self._memories[number].put(text, value)
        return value

    def failed(self, policy: Policy, said: str) -> None:
        """Count an error of a policy; its first is told."""
        statistics = self.statistics[policy]
        statistics.errors += 1
        statistics.last_error = sentence_of(said)
        if statistics.errors == 1:
            self.on_trouble(f"rule '{policy.about.title}': {statistics.last_error}")
