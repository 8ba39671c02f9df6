"""The proof that what was produced is explained: true counts pass, anything else is told."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from profguard.sensor.accounting import SETTLED_NS, Count, Ledger, Reading, is_balanced

FATES = ("received", "dropped", "missed", "folded")
KEYS = (("prof", 0), ("prof", 1), ("perf", 0))
REASONS = {"dropped": "buffer_full", "missed": "call_lost"}
STEP_NS = SETTLED_NS // 3


def reading(fates: Counter) -> Reading:
    return Reading(sum(fates.values()), *(fates[fate] for fate in FATES))


@given(
    st.lists(
        st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from(FATES)), max_size=8), max_size=12
    )
)
def test_what_is_explained_is_no_loss_of_unknown_cause(periods):
    """Counts, losses by reason and totals are those of what happened, whenever it was read."""
    ledger, happened = Ledger(0), {key: Counter() for key in KEYS}
    losses, now_ns = [], 0
    for period in [*periods, []]:
        for key, fate in period:
            happened[key][fate] += 1
        now_ns += STEP_NS
        now = {key: reading(fates) for key, fates in happened.items()}
        losses += ledger.enter(now, {}, now_ns, now_ns)
    losses += ledger.close(now, {}, now_ns)
    assert is_balanced(now)
    told = Counter()
    for loss in losses:
        assert loss.reason in REASONS.values()
        told[loss.event, loss.cpu, loss.reason] += loss.count
        assert told[loss.event, loss.cpu, loss.reason] == loss.total
    expected = {
        (*key, REASONS[fate]): fates[fate]
        for key, fates in happened.items()
        for fate in REASONS
        if fates[fate]
    }
    assert told == Counter(expected)
    for event in ("prof", "perf"):
        of_event = sum((fates for key, fates in happened.items() if key[0] == event), Counter())
        count = ledger.counts.get(event, Count())
        assert [getattr(count, fate) for fate in FATES] == [of_event[fate] for fate in FATES]
        assert count.lost == of_event["dropped"] + of_event["missed"]


def enter(ledger, at_ns, produced, received):
    return ledger.enter({KEYS[0]: Reading(produced, received, 0, 0, 0)}, {}, at_ns, at_ns)


def test_a_record_on_its_way_is_not_lost():
    """What was counted may come later: for a while it is only not here yet."""
    ledger = Ledger(0)
    assert enter(ledger, STEP_NS, 5, 5) == []
    assert enter(ledger, STEP_NS + SETTLED_NS, 9, 7) == []
    assert enter(ledger, STEP_NS + SETTLED_NS * 2, 9, 9) == []


def test_a_record_that_never_comes_is_told_once():
    ledger = Ledger(0)
    told = [enter(ledger, SETTLED_NS * second, 9, 7) for second in range(1, 6)]
    (loss,) = [loss for losses in told for loss in losses]
    assert (loss.event, loss.cpu, loss.reason) == ("prof", 0, "unaccounted")
    assert (loss.count, loss.total, loss.since_ns) == (2, 2, SETTLED_NS)
    assert ledger.counts["prof"].lost == 2


def test_at_the_end_nothing_may_be_on_its_way():
    """Nor may there be more than was produced: then it was made up."""
    for received in (7, 11):
        ledger = Ledger(0)
        (loss,) = ledger.close({KEYS[0]: Reading(9, received, 0, 0, 0)}, {}, 1)
        assert (loss.reason, loss.count) == ("unaccounted", 2)


def test_runs_that_the_kernel_left_out_have_no_cpu():
    ledger = Ledger(0)
    now = {KEYS[0]: Reading(1, 1, 0, 0, 0)}
    (loss,) = ledger.enter(now, {"prof": 3}, 10, 10)
    assert (loss.event, loss.cpu, loss.reason, loss.count) == ("prof", None, "probe_skipped", 3)
    assert ledger.enter(now, {"prof": 3}, 20, 20) == []
