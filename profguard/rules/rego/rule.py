"""A policy as a rule among others, and all of a set's policies as what they say of an event."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

from profguard.events import REGISTRY
from profguard.model import Event
from profguard.rules.fields import read
from profguard.rules.rego.pack import RegoPack
from profguard.rules.rego.policy import Policy, said
from profguard.rules.rule import Match, Metadata, Rule
from profguard.tracee.counterparts import BY_OURS, SENSOR

RESULTS = "results"  # what a match's value of this name has: True, texts, objects


@dataclass(frozen=True, eq=False, kw_only=True)
class RegoRule(Rule):
    """A rule in Rego. `message` is its title: what it finds says itself what it is."""

    kind: ClassVar[str] = "rego"
    policy: Policy = field(repr=False)

    @property
    def field_names(self) -> tuple[str, ...]:
        """The parts of its input that it can see, `input` if that is all of it."""
        return tuple(sorted(".".join(path) or "input" for path in self.policy.projection))

    def given(self, event: Event) -> str:
        """What it is given of an event, as JSON."""
        return self.policy.input(event).decode()

    @property
    def environ_names(self) -> frozenset[str]:
        """The environment variables that it reads by name."""
        return frozenset(
            path[2]
            for path in self.policy.projection
            if len(path) > 2 and path[0] in ("process", "target") and path[1] == "environ"
        )

    def render(self, match: Match) -> str:
        """What each result says, made printable and cut."""
        messages = map(self.policy.message, match.values.get(RESULTS, (True,)))
        return said("; ".join(dict.fromkeys(messages)))

    def suppress_key(self, match: Match) -> tuple[Any, ...] | None:
        if self.suppress_by is None:
            return None
        fields = self.policy.about.suppress_fields.get(match.event.spec.name, ())
        return tuple(read(source, match.event) for source in fields)


def rule_of(policy: Policy) -> RegoRule:
    about, place = policy.about, policy.place
    return RegoRule(
        **{each.name: getattr(about, each.name) for each in fields(Metadata)},
        policy=policy,
        name=policy.module.package,
        file_name=policy.module.path.stem,
        path=place.path,
        line=place.line,
        events=_events(policy),
        message=about.title,
    )


def _events(policy: Policy) -> tuple[str, ...]:
    """Our names of what it is asked of; what only Tracee has is named as its sensor's."""
    wanted = policy.about.events
    if not policy.is_tracee:
        return tuple(spec.name for spec in REGISTRY if spec.name in wanted)
    theirs = {spec.name: BY_OURS[spec].name for spec in REGISTRY if spec in BY_OURS}
    if wanted is None:
        return tuple(theirs)
    ours = [name for name, their in theirs.items() if their in wanted]
    foreign = sorted(wanted - set(theirs.values()))
    return (*ours, *(f"{SENSOR}_{name}" for name in foreign))


class RegoRules:
    """The policies of a rule set, asked together. `close` ends their worker."""

    batch = 512  # events: a question to the worker takes as long as five answers

    def __init__(self, pack: RegoPack):
        self.pack = pack
        self._rules = {policy: rule_of(policy) for policy in pack.policies.values()}
        self._prepared: dict[int, tuple[Event, tuple[Match, ...]]] = {}

    @property
    def rules(self) -> tuple[RegoRule, ...]:
        return tuple(self._rules.values())

    def keep(self, rules: Collection[Rule]) -> None:
        """Ask no other rules than these."""
        kept = {policy: rule for policy, rule in self._rules.items() if rule in rules}
        self.pack.keep(kept)
        self._rules = kept

    def prepare(self, events: Sequence[Event]) -> None:
        """Ask about all of these at once; `match` then knows what they are told."""
        answers = self.pack.evaluate(events)
        self._prepared = {
            id(event): (event, self._matches(event, answer))
            for event, answer in zip(events, answers, strict=True)
        }

    def match(self, event: Event) -> tuple[Match, ...]:
        prepared = self._prepared.pop(id(event), None)
        if prepared is not None:
            return prepared[1]
        [answer] = self.pack.evaluate([event])
        return self._matches(event, answer)

    def _matches(self, event: Event, answer: Iterable) -> tuple[Match, ...]:
        return tuple(
            Match(self._rules[policy], event, {RESULTS: results}) for policy, results in answer
        )

    @property
    def errors(self) -> dict[str, int]:
        """How often each rule failed, by its id; of those that never did, nothing."""
        counts = {
            rule.id: self.pack.record.statistics[policy].errors
            for policy, rule in self._rules.items()
        }
        return {id: count for id, count in counts.items() if count}

    def close(self) -> None:
        self.pack.close()
