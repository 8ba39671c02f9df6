"""Joins matches of rules to matches of correlation rules. All time is the events' own.

A correlation matches with an event if the timespan that ends with it fulfils the condition; one
with `absent` rules, if none of them follows within the timespan after that. What is kept is
bounded: entries of a group, and groups and entries of a correlation.
"""

import heapq
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Sequence
from itertools import count

from profguard.rules.correlate.metrics import Entry, metric_of
from profguard.rules.correlate.rule import COUNT, Correlation, Member
from profguard.rules.correlate.window import LATE_NS, Window
from profguard.rules.matchers import COMPARISONS
from profguard.rules.rule import Match, Rule

MAX_GROUPS = 10_000  # of one correlation
MAX_ENTRIES = 4_096  # of one group
MAX_KEPT = 200_000  # entries of one correlation

Key = tuple


class Group:
    """What one correlation knows of one group: its window, and a match that may be called off."""

    def __init__(self, rule: Correlation):
        metric = metric_of(rule.type, len(rule.members), rule.percentile)
        self.window = Window(rule.span_ns, _most(rule), metric)
        self.pending: Match | None = None  # stands, unless one of the absent rules matches
        self.called_off_ns = 0  # when one of those matched last
        self.touched_ns = 0


def _most(rule: Correlation) -> int:
    """How many entries decide: of a mere count not more than it goes to."""
    bound = max(int(number) + 1 for _, number in rule.condition)
    return bound if rule.type == "event_count" else max(MAX_ENTRIES, bound)


class State:
    """All groups of one correlation, the one that was touched longest ago first."""

    def __init__(self, rule: Correlation):
        self.rule = rule
        self.groups: OrderedDict[Key, Group] = OrderedDict()
        self.changed: dict[Key, None] | None = None  # groups, where somebody keeps them
        self.began: list[tuple[Key, Match]] = []  # what is pending since it was last asked
        self.evicted = 0  # groups that had to make room before their time was over
        self.kept = 0  # entries
        self._slots = _by_rule(rule.members)
        self._absent, self._until = _by_rule(rule.absent), _by_rule(rule.until)

    def holds(self, number: float | None) -> bool:
        """Whether the condition holds of this number."""
        return number is not None and all(
            COMPARISONS[test](number, bound) for test, bound in self.rule.condition
        )

    def take(self, matches: Sequence[Match]) -> list[Match]:
        """The matches that these, which come together, lead to."""
        for match in matches:
            for _, member in self._until.get(match.rule, ()):
                self._break_off(member, match)
            for _, member in self._absent.get(match.rule, ()):
                self._call_off(member, match)
        found: list[Match] = []
        for (_, key), (entry, match) in self._entries(matches).items():
            group = self._group(key, match.time_ns)
            before = len(group.window)
            for last, number in group.window.put(entry, self.holds):
                found += self._matched(group, key, match, last, number)
            self.kept += len(group.window) - before
        while self.kept > MAX_KEPT and len(self.groups) > 1:
            self._let_go(next(iter(self.groups)))
            self.evicted += 1
        return found

    def _entries(self, matches: Iterable[Match]) -> dict[tuple, tuple[Entry, Match]]:
        """One entry for each event and group; an event that two rules match is one."""
        found: dict[tuple, tuple[Entry, Match]] = {}
        for match in matches:
            for slot, member in self._slots.get(match.rule, ()):
                key = member.key(match)
                if key is None:
                    continue
                # A match of another correlation is an event of its own.
                what = id(match if isinstance(match.rule, Correlation) else match.event)
                entry, _ = found.setdefault(
                    (what, key), (Entry(match.time_ns, 0, event=match.event), match)
                )
                entry.slots |= 1 << slot
                value = member.value(match)
                if value is not None and value not in entry.values:
                    entry.values += (value,)
        return found

    def _matched(
        self, group: Group, key: Key, match: Match, last: Entry, number: float
    ) -> list[Match]:
        values = {**dict(zip(self.rule.group_by, key, strict=True)), COUNT: number}
        event = last.event or match.event
        evidence = group.window.evidence()
        made = Match(self.rule, event, values, evidence, last.time_ns)
        if not self.rule.absent:
            return [made]
        if group.pending is None and group.called_off_ns <= last.time_ns:
            group.pending = made
            self.began.append((key, made))
        return []

    def _group(self, key: Key, time_ns: int) -> Group:
        group = self.groups.get(key)
        if group and time_ns < group.touched_ns - LATE_NS:
            self._let_go(key)  # not late: the clock was set back, or another capture begins
            group = None
        if group is None:
            self._make_room(time_ns)
            group = self.groups[key] = Group(self.rule)
        else:
            self.groups.move_to_end(key)
        group.touched_ns = max(group.touched_ns, time_ns)
        self._note(key)
        return group

    def _note(self, key: Key) -> None:
        if self.changed is not None:
            self.changed[key] = None

    def _make_room(self, now_ns: int) -> None:
        """Let go of groups that are over, and of the oldest where there are too many."""
        while self.groups:
            key = next(iter(self.groups))
            oldest = self.groups[key]
            is_over = oldest.touched_ns + 2 * self.rule.span_ns + LATE_NS < now_ns
            if len(self.groups) < MAX_GROUPS and (not is_over or oldest.pending):
                return
            self._let_go(key)
            self.evicted += not is_over

    def _let_go(self, key: Key) -> None:
        self.kept -= len(self.groups.pop(key).window)
        self._note(key)

    def _break_off(self, member: Member, match: Match) -> None:
        key = member.key(match)
        if key is None:
            return
        group = self._group(key, match.time_ns)
        before = len(group.window)
        group.window.break_off(match.time_ns)
        self.kept += len(group.window) - before
        if group.pending is not None and group.pending.time_ns <= match.time_ns:
            group.pending = None

    def _call_off(self, member: Member, match: Match) -> None:
        key = member.key(match)
        if key is None:
            return
        group, at_ns = self._group(key, match.time_ns), match.time_ns
        group.called_off_ns = max(group.called_off_ns, at_ns)
        pending = group.pending
        if pending and pending.time_ns < at_ns <= pending.time_ns + self.rule.span_ns:
            group.pending = None

    def due(self, key: Key, now_ns: int) -> Match | None:
        """The pending match of a group, if its time is over by now; it is decided then."""
        group = self.groups.get(key)
        pending = group.pending if group else None
        if pending is None:
            return None
        decided_ns = pending.time_ns + self.rule.span_ns
        if decided_ns + LATE_NS > now_ns:
            return None
        group.pending = None
        return Match(self.rule, pending.event, pending.values, pending.evidence, decided_ns)


def _by_rule(members: Sequence[Member]) -> dict[Rule, list[tuple[int, Member]]]:
    found: dict[Rule, list[tuple[int, Member]]] = defaultdict(list)
    for slot, member in enumerate(members):
        found[member.rule].append((slot, member))
    return dict(found)


class Correlator:
    """The correlations of a set of rules, each after those that it refers to."""

    def __init__(self, rules: Sequence[Correlation]):
        self.states = [State(rule) for rule in rules]
        self._listening: dict[Rule, list[int]] = defaultdict(list)
        for number, rule in enumerate(rules):
            for referred in dict.fromkeys(rule.referred):
                self._listening[referred].append(number)
        self._deadlines: list[tuple[int, int, int, Key]] = []
        self._serial = count()

    def track(self) -> None:
        """From now on, note which groups change, of correlations that survive a gap."""
        for state in self.states:
            if state.changed is None and state.rule.survives_a_gap:
                state.changed = {}

    def adopt(self, earlier: "Correlator") -> None:
        """Go on with what another one has gathered, where a rule is still the same."""
        known = {state.rule.id: state for state in earlier.states}
        for number, state in enumerate(self.states):
            before = known.get(state.rule.id)
            if before is not None and before.rule.digest == state.rule.digest:
                state.groups, state.changed = before.groups, before.changed
                state.evicted, state.kept = before.evicted, before.kept
                for key, group in state.groups.items():
                    if group.pending is not None:
                        self._await(number, key, group.pending)

    def feed(self, matches: Sequence[Match]) -> list[Match]:
        """The correlation rules that the matches of one event complete."""
        waiting: dict[int, list[Match]] = {}
        self._hand_on(matches, waiting)
        return self._run(waiting) if waiting else []

    def advance(self, now_ns: int) -> list[Match]:
        """The correlation rules that come true because time has passed without something."""
        if not self._deadlines or self._deadlines[0][0] > now_ns:
            return []
        waiting: dict[int, list[Match]] = {}
        found: list[Match] = []
        while self._deadlines and self._deadlines[0][0] <= now_ns:
            _, _, number, key = heapq.heappop(self._deadlines)
            match = self.states[number].due(key, now_ns)
            if match is not None:
                found.append(match)
        self._hand_on(found, waiting)
        return found + self._run(waiting)

    def _run(self, waiting: dict[int, list[Match]]) -> list[Match]:
        found: list[Match] = []
        while waiting:
            number = min(waiting)  # what it refers to has a lower number
            state = self.states[number]
            made = state.take(waiting.pop(number))
            for key, match in state.began:
                self._await(number, key, match)
            state.began.clear()
            found += made
            self._hand_on(made, waiting)
        return found

    def _hand_on(self, matches: Iterable[Match], waiting: dict[int, list[Match]]) -> None:
        for match in matches:
            for number in self._listening.get(match.rule, ()):
                waiting.setdefault(number, []).append(match)

    def _await(self, number: int, key: Key, match: Match) -> None:
        due_ns = match.time_ns + self.states[number].rule.span_ns + LATE_NS
        heapq.heappush(self._deadlines, (due_ns, next(self._serial), number, key))
