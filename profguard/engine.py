"""From matching events to findings: one act is one finding.

An act is what one process does to one target, by whatever events and rules it shows: a py-spy dump
is one attach and 538 reads, a `perf record` opens a dozen events. The first match opens a finding;
further matches of the same act, also of other rules, count as repeats of it. A graver rule takes
the finding over. A rule with `suppress.by` has findings of its own, folded by those fields.

Pure: times come from the events, so a replay gives the same findings.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from profguard.events import Lasts
from profguard.ids import uuid7
from profguard.model import LEVELS, Event, Finding, Process
from profguard.rules.correlate.correlator import Correlator
from profguard.rules.filters import Filter
from profguard.rules.pack import RuleSet
from profguard.rules.rule import Match
from profguard.sessions import Session

MAX_ACTS = 65536


class Change(NamedTuple):
    """What became of a finding, and by which event.

    Kinds: opened; escalated, a graver rule names it now; repeated, a further match; continued, its
    act goes on by an event that no rule objects to; ended; tainted, events were lost meanwhile.
    """

    kind: str
    finding: Finding
    event: Event | None  # None: tainted


@dataclass(slots=True, eq=False)
class _Act:
    finding: Finding
    window_ns: int
    began_ns: int  # on the scale of `Event.at_ns`
    follows: set[str] = field(default_factory=set)  # sessions; it goes on as long as any of them

    def lasts_at(self, time_ns: int) -> bool:
        """Whether a match now is a repeat."""
        return time_ns - self.finding.last_seen_ns <= self.window_ns


class Engine:
    """Matches events, correlates the matches, and folds them into findings.

    `tool_of` names the tool that an actor is.
    """

    def __init__(
        self, rules: RuleSet, tool_of: Callable[[Process | None], str | None] = lambda _: None
    ):
        self.rules = rules
        self._tool_of = tool_of
        self.correlator = Correlator(rules.correlations)
        self.excused: Counter[Filter] = Counter()  # matches that a filter took back
        self._acts: OrderedDict[Hashable, _Act] = OrderedDict()
        self._session_acts: dict[str, Hashable] = {}
        self._active: dict[Hashable, dict[str, None]] = {}
        self._followers: dict[str, dict[_Act, None]] = {}
        self._moments: set[str] = set()  # sessions of nothing but what has no end of its own
        self._lost: tuple[int, int] | None = None  # the latest loss was between these times
        self._remembers = False

    def feed(self, event: Event) -> list[Change]:
        """The changes that an event makes to findings."""
        changes = self.pass_time(event.time_ns)
        if event.spec.name == "lost_events":
            changes += self._lose(event)
        act, continued = self._act_of(event)
        excused: list[Filter] = []
        matches = self.rules.match(event, excused)
        if excused:
            self.excused.update(excused)
        if matches:
            joined = self.correlator.feed(matches)
            changes += [self._match(match, act) for match in self._told(*matches, *joined)]
        if continued and all(change.finding is not continued for change in changes):
            changes.append(Change("continued", continued, event))
        return changes

    def pass_time(self, now_ns: int) -> list[Change]:
        """The changes that come because something has not happened until now (wall clock)."""
        due = self.correlator.advance(now_ns)
        if not due:
            return []
        return [self._match(match, self._key_of(match.event)) for match in self._told(*due)]

    def replace_rules(self, rules: RuleSet) -> None:
        """Match with other rules from now on. What goes on goes on, correlations too."""
        earlier, self.correlator = self.correlator, Correlator(rules.correlations)
        self.correlator.adopt(earlier)
        if self._remembers:
            self.correlator.track()
        self.rules = rules

    def remember(self) -> None:
        """From now on somebody keeps what the correlations gather."""
        self._remembers = True
        self.correlator.track()

    @property
    def rule_errors(self) -> Mapping[str, int]:
        """How often rules failed while they matched, by id, since they were loaded."""
        return self.rules.errors

    @property
    def forgotten(self) -> dict[str, int]:
        """Groups that correlations let go before their time, for want of room, by rule id."""
        return {state.rule.id: state.evicted for state in self.correlator.states}

    def _told(self, *matches: Match) -> list[Match]:
        """Without those of rules that only serve correlations."""
        silent = self.rules.silent
        return [match for match in matches if match.rule not in silent]

    def end(self, session: Session) -> list[Change]:
        """The changes that a session's end makes: findings get their end and duration.

        Of a finding with several sessions it is the last that counts.
        """
        self._moments.discard(session.id)
        key = self._session_acts.pop(session.id, None)
        active = self._active.get(key, {})
        active.pop(session.id, None)
        if not active:
            self._active.pop(key, None)
        changes = []
        for act in self._followers.pop(session.id, ()):
            act.follows.discard(session.id)
            if act.follows:
                continue
            finding = act.finding
            finding.ended_ns = session.end.time_ns
            finding.duration_ns = max(0, session.end.at_ns - act.began_ns)
            self._taint(finding)
            changes.append(Change("ended", finding, session.end))
        return changes

    # Which act an event belongs to.

    def _act_of(self, event: Event) -> tuple[Hashable, Finding | None]:
        """The act, and its finding if a session of it begins with this event.

        It is the act of the session where there is one, so that what it hands down belongs to it.
        """
        act, session = self._key_of(event), _session(event)
        if session in self._session_acts:
            if event.spec.lasts is not Lasts.MOMENT:
                self._moments.discard(session)
            return act, None
        if not session or _duration_ns(event) is not None:  # or it ends before we knew of it
            return act, None
        # What no rule is asked of may not be told at all: it must make no difference.
        if event.spec.name not in self.rules.wanted.events:
            return act, None
        self._session_acts[session] = act
        if event.spec.lasts is Lasts.MOMENT:
            self._moments.add(session)
        return act, self._begin(act, session, event)

    def _key_of(self, event: Event) -> Hashable:
        known = self._session_acts.get(_session(event))
        if known is not None:
            return known
        # What no process does, such as a loss, is told apart by its event.
        actor = _identity(event.process) or event.spec.name
        return actor, _identity(event.target) or event.relation

    def _begin(self, key: Hashable, session: str, event: Event) -> Finding | None:
        """A session of this act begins; its finding goes on, unless it is too long ago."""
        act = self._acts.get(key)
        goes_on = act and (key in self._active or act.lasts_at(event.time_ns))
        if goes_on:
            self._follow(act, session)
        elif act:
            del self._acts[key]
        self._active.setdefault(key, {})[session] = None
        return act.finding if goes_on else None

    # What a match does.

    def _match(self, match: Match, act: Hashable) -> Change:
        rule, event = match.rule, match.event
        own = rule.suppress_key(match)
        key = act if own is None else (rule.id, own)
        found = self._acts.get(key)
        if found and (self._goes_on(found) or found.lasts_at(match.time_ns)):
            self._acts.move_to_end(key)
            kind = self._repeat(match, found)
        else:
            found, kind = self._open(match, key), "opened"
        for session in self._active.get(act, ()):
            self._follow(found, session)
        self._taint(found.finding)
        return Change(kind, found.finding, event)

    def _open(self, match: Match, key: Hashable) -> _Act:
        rule, event = match.rule, match.event
        duration_ns = _duration_ns(event)
        # what this ends, or what a correlation joins, began earlier
        before_ns = duration_ns or max(0, event.time_ns - match.began_ns)
        finding = Finding(
            id=uuid7(match.time_ns, (rule.id, key)),
            rule_id=rule.id,
            rule_title=rule.title,
            level=rule.level,
            message=match.message,
            event=event,
            first_seen_ns=match.time_ns,
            last_seen_ns=match.time_ns,
            rules=[rule.id],
            tags=rule.tags,
            tool=self._tool_of(event.process),
            mechanism=_mechanism(event),
            started_ns=event.time_ns - before_ns,
            ended_ns=None if duration_ns is None else event.time_ns,
            duration_ns=duration_ns,
            evidence=match.evidence,
        )
        act = self._acts[key] = _Act(finding, rule.suppress_for_ns, event.at_ns - before_ns)
        self._acts.move_to_end(key)
        if len(self._acts) > MAX_ACTS:
            self._acts.popitem(last=False)
        return act

    @staticmethod
    def _repeat(match: Match, act: _Act) -> str:
        """Fold a match into its act; returns the kind of change."""
        rule, event, finding = match.rule, match.event, act.finding
        finding.count += 1
        finding.last_seen_ns = max(finding.last_seen_ns, match.time_ns)
        act.window_ns = max(act.window_ns, rule.suppress_for_ns)
        if rule.id not in finding.rules:
            finding.rules.append(rule.id)
        if LEVELS.index(rule.level) <= LEVELS.index(finding.level):
            return "repeated"
        finding.rules.remove(rule.id)
        finding.rules.insert(0, rule.id)
        finding.rule_id, finding.rule_title, finding.level = rule.id, rule.title, rule.level
        finding.tags, finding.message = rule.tags, match.message
        finding.event, finding.mechanism = event, _mechanism(event)
        return "escalated"

    def _follow(self, act: _Act, session: str) -> None:
        """The act goes on for as long as this session."""
        finding = act.finding
        finding.session = finding.session or session
        finding.ended_ns = finding.duration_ns = None
        self._followers.setdefault(session, {})[act] = None
        act.follows.add(session)

    def _goes_on(self, act: _Act) -> bool:
        return not act.follows <= self._moments

    # What was lost.

    def _lose(self, event: Event) -> list[Change]:
        """Events were lost: whatever went on then may have been more, or may have ended."""
        until_ns = event.time_ns
        loss = until_ns - (event["within_ns"] or 0), until_ns
        if self._lost and self._lost[1] == until_ns and self._lost[0] <= loss[0]:
            return []  # of another event or CPU, at the same time
        self._lost = loss
        changes = []
        for act in self._acts.values():
            finding = act.finding
            latest_ns = max(finding.last_seen_ns, finding.ended_ns or 0)
            if (self._goes_on(act) or latest_ns >= loss[0]) and self._taint(finding):
                changes.append(Change("tainted", finding, None))
        return changes

    def _taint(self, finding: Finding) -> bool:
        """Taint one that goes on if it began before the latest loss; whether that is news."""
        began_ns = min(finding.first_seen_ns, finding.started_ns or finding.first_seen_ns)
        if finding.tainted or self._lost is None or began_ns > self._lost[1]:
            return False
        finding.tainted = True
        return True


def _session(event: Event) -> str | None:
    return event["session"] if "session" in event.spec.index else None


def _duration_ns(event: Event) -> int | None:
    return event["duration_ns"] if "duration_ns" in event.spec.index else None


def _identity(process: Process | None) -> Hashable:
    return process.identity if process else None


def _mechanism(event: Event) -> str | None:
    if "mechanism" in event.spec.index:
        return event["mechanism"]
    return event.spec.mechanism
