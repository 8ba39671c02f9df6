"""What a correlator has gathered, as plain data, to go on with after a restart.

Secrets are masked before anything leaves. A group whose own key holds one is not kept: its masked
key would be another group.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from profguard.model import Event
from profguard.rules.correlate.correlator import Correlator, Group, State
from profguard.rules.correlate.metrics import Entry


class Saved(NamedTuple):
    """One group of one correlation; `entries` is None where there is nothing to keep any more.

    An entry is [time_ns, slots, fired, values, event or None].
    """

    rule_id: str
    digest: str  # of the rule's definition: another one cannot go on with it
    key: list[Any]
    newest_ns: int
    entries: list[list[Any]] | None


class Mask(NamedTuple):
    """How secrets are masked."""

    text: Callable[[str], str]
    event: Callable[[Event], Event]


def changes(correlator: Correlator, mask: Mask, most: int) -> list[Saved]:
    """The groups that changed since this was last asked, `most` of them at a time."""
    found: list[Saved] = []
    for state in correlator.states:
        while state.changed and len(found) < most:
            key = next(iter(state.changed))
            del state.changed[key]
            if mask_value(key, mask.text) == key:
                found.append(_saved(state, key, mask))
    return found


def _saved(state: State, key: tuple, mask: Mask) -> Saved:
    group = state.groups.get(key)
    entries = None
    if group is not None and group.window.entries:
        entries = [_plain(entry, mask) for entry in group.window.entries]
    newest_ns = group.window.newest_ns if group is not None else 0
    return Saved(state.rule.id, state.rule.digest, _listed(key), newest_ns, entries)


def _plain(entry: Entry, mask: Mask) -> list[Any]:
    event = None if entry.event is None else mask.event(entry.event).as_dict()
    values = _listed(mask_value(entry.values, mask.text))
    return [entry.time_ns, entry.slots, entry.fired, values, event]


def restore(correlator: Correlator, saved: Iterable[Saved], now_ns: int) -> list[Saved]:
    """Go on with groups that still count now; returns those that do not.

    Raises ValueError for what was not made by `changes`.
    """
    known = {state.rule.id: state for state in correlator.states if state.rule.survives_a_gap}
    over: list[Saved] = []
    for one in sorted(saved, key=lambda one: one.newest_ns):
        state = known.get(one.rule_id)
        is_known = state is not None and state.rule.digest == one.digest and one.entries
        if not is_known or one.newest_ns + state.rule.span_ns < now_ns:
            over.append(one)
            continue
        try:
            entries = [_entry(*values) for values in one.entries]
        except (TypeError, ValueError, KeyError) as error:
            raise ValueError(f"not what a correlation gathered: {error}") from None
        group = state.groups[_tupled(one.key)] = Group(state.rule)
        group.touched_ns = one.newest_ns
        group.window.restore(entries)
        state.kept += len(group.window)
    return over


def _entry(time_ns: int, slots: int, fired: bool, values: list, event: dict | None) -> Entry:
    known = None if event is None else Event.from_dict(event)
    return Entry(int(time_ns), int(slots), _tupled(values), known, bool(fired))


def mask_value(value: Any, mask: Callable[[str], str]) -> Any:
    """A value, or the values of a tuple at any depth, with secrets masked."""
    if isinstance(value, str):
        return mask(value)
    return tuple(mask_value(one, mask) for one in value) if isinstance(value, tuple) else value


def _listed(value: Any) -> Any:
    return [_listed(one) for one in value] if isinstance(value, tuple) else value


def _tupled(value: Any) -> Any:
    return tuple(_tupled(one) for one in value) if isinstance(value, list) else value
