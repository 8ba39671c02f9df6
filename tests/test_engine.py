"""From matches to findings: what is one act, when it begins, goes on and ends."""

import pytest

from profguard import engine
from profguard.context.enrich import Enricher
from profguard.context.labels import Labeler
from profguard.context.processes import ProcessTable
from profguard.engine import Engine
from profguard.pipeline import Pipeline
from tests.events import EPOCH_NS, MS, ends, event, prof, ptrace, rule_set, task
from tests.rule_texts import detection

SECOND, HOUR = 1e3, 3.6e6  # in ms
SPY, GDB = task(100, user_name="ann"), task(110)
SHOP, BANK = task(200), task(300)

RULES = """
title: Memory read
logsource: {product: linux, service: profguard, category: process_vm_readv}
detection: {selection: {process_vm_readv.ret|gt: 0}, condition: selection}
level: low
tags: [attack.credential-access]
---
title: Traced
logsource: {product: linux, service: profguard, category: ptrace}
detection: {selection: {ptrace.request: PTRACE_ATTACH}, condition: selection}
level: high
profguard: {message: 'traced by {process.pid}'}
---
title: Profiled
logsource: {product: linux, service: profguard, category: prof}
detection: {selection: {prof.action: enable}, condition: selection}
level: medium
---
title: Sampled
logsource: {product: linux, service: profguard, category: prof}
detection: {selection: {prof.action: enable, prof.mode: sampling}, condition: selection}
level: medium
"""


class Watched:
    """A pipeline with rules, and the output that keeps every change of a finding."""

    def __init__(self, rules: str = RULES):
        self.seen, self.engine = [], Engine(rule_set(rules))
        labeler = Labeler()
        enricher = Enricher(ProcessTable(labeler, boot_to_wall_ns=0), labeler, "host")
        self._pipeline = Pipeline(enricher, self.engine, [self])

    def feed(self, *events) -> "Watched":
        for each in events:
            self._pipeline.replay(each)
        return self

    def event(self, _event):
        """Only findings are watched."""

    def changes(self, changes):
        self.seen += changes

    def flush(self):
        """There is nothing to flush."""

    @property
    def kinds(self) -> list[str]:
        return [change.kind for change in self.seen]

    @property
    def findings(self) -> list:
        return list({id(change.finding): change.finding for change in self.seen}.values())

    @property
    def finding(self):
        (only,) = self.findings
        return only


def reads(ms, process=SPY, target=SHOP):
    return event("process_vm_readv", ms, process, target, ret=64, remote_segments=1, pid=1, flags=0)


def enable(ms, ids=(1,), process=SPY, target=SHOP, **more):
    return prof("enable ioctl", ms, ids, process, target, **more)


def disable(ms, ids=(1,), process=SPY, target=SHOP):
    return prof("disable ioctl", ms, ids, process, target)


def lost(ms, within=0):
    values = {"event": "prof", "cpu": 0, "count": 3, "total": 3, "within_ns": within * MS}
    return event("lost_events", ms, **values)


def test_one_act_is_one_finding():
    """538 reads of one py-spy dump: opened by the first, counted from then on."""
    watched = Watched().feed(*(reads(ms) for ms in range(538)))
    assert watched.kinds == ["opened"] + ["repeated"] * 537
    finding = watched.finding
    assert (finding.count, finding.rules, finding.mechanism) == (
        538,
        ["rule-0"],
        "process_vm_readv",
    )
    assert (finding.first_seen_ns, finding.last_seen_ns) == (EPOCH_NS, EPOCH_NS + 537 * MS)
    assert (finding.session is None, finding.ended_ns, finding.duration_ns) == (False, None, None)
    watched.feed(ends(900, SPY))
    assert (watched.kinds[-1], finding.duration_ns) == ("ended", 900 * MS)


def test_a_moment_passes():
    """What has no end of its own was over with the last of it, as soon as it has not come again."""
    watched = Watched().feed(reads(0), reads(30_000), event("setitimer", 90_001))
    assert watched.kinds == ["opened", "repeated", "ended"]
    assert watched.finding.duration_ns == 30_000 * MS


@pytest.mark.parametrize(
    ("process", "target"),
    [(GDB, SHOP), (SPY, BANK), (task(100, start=2), SHOP), (SPY, task(200, start=2)), (SPY, None)],
    ids=["actor", "target", "actor's pid used again", "target's pid used again", "no target"],
)
def test_another_actor_or_target_is_another_act(process, target):
    watched = Watched().feed(reads(0), reads(1, process, target))
    assert watched.kinds == ["opened", "opened"]
    assert len({finding.id for finding in watched.findings}) == 2


def test_a_thread_acts_for_its_process():
    watched = Watched().feed(reads(0), reads(1, task(100, tid=101), task(200, tid=201)))
    assert watched.kinds == ["opened", "repeated"]


def test_a_graver_rule_takes_the_finding_over():
    """It names it, and its event is what the finding is about; when it began stays."""
    watched = Watched().feed(reads(0), attach := ptrace("ATTACH", 5, SPY, SHOP), reads(9))
    assert watched.kinds == ["opened", "escalated", "repeated"]
    finding = watched.finding
    assert (finding.rule_id, finding.rule_title, finding.level) == ("rule-1", "Traced", "high")
    assert (finding.message, finding.tags, finding.mechanism) == ("traced by 100", (), "ptrace")
    assert finding.event is attach
    assert finding.rules == ["rule-1", "rule-0"]
    assert (finding.first_seen_ns, finding.started_ns, finding.count) == (EPOCH_NS, EPOCH_NS, 3)


def test_rules_of_one_level_share_a_finding():
    """The first that matched names it, also where one event matches several."""
    watched = Watched().feed(enable(0))
    assert watched.kinds == ["opened", "repeated"]
    assert watched.finding.rule_id == watched.finding.rules[0]
    assert sorted(watched.finding.rules) == ["rule-2", "rule-3"]


def suppressing(text: str) -> str:
    """A rule on memory reads that says how it is suppressed."""
    return (
        "title: Memory read\n"
        "logsource: {product: linux, service: profguard, category: process_vm_readv}\n"
        "detection: {selection: {process_vm_readv.ret|gt: 0}, condition: selection}\n"
        f"level: low\nprofguard: {{suppress: {text}}}\n"
    )


@pytest.mark.parametrize(
    ("suppress", "at_ms", "kinds"),
    [
        ("{for: 10s}", [0, 10 * SECOND], ["opened", "repeated"]),
        ("{for: 10s}", [0, 10 * SECOND + 1], ["opened", "opened"]),
        ("{for: 10s}", [0, 8 * SECOND, 16 * SECOND], ["opened", "repeated", "repeated"]),
        ("{for: 10s}", [5 * SECOND, 4 * SECOND], ["opened", "repeated"]),
        ("{}", [0, HOUR], ["opened", "ended", "repeated"]),
        ("{}", [0, HOUR + 1], ["opened", "ended", "opened"]),
    ],
    ids=["within", "after", "from the last", "clock went back", "default", "after the default"],
)
def test_repeats_are_those_within_the_window_of_event_time(suppress, at_ms, kinds):
    assert Watched(suppressing(suppress)).feed(*(reads(ms) for ms in at_ms)).kinds == kinds


def test_suppress_by_says_what_a_repeat_is():
    """By the user, whatever the target; and apart from the act's other findings."""
    rules = suppressing("{by: [process.user.name]}") + "---\n" + RULES
    watched = Watched(rules).feed(
        reads(0),
        reads(1, SPY, BANK),
        reads(2, task(101, user_name="ann"), SHOP),
        reads(3, task(102, user_name="bob"), SHOP),
    )
    own = [finding for finding in watched.findings if finding.rule_id == "rule-0"]
    assert [(finding.count, finding.event.process.user_name) for finding in own] == [
        (3, "ann"),
        (1, "bob"),
    ]
    assert len(watched.findings) == 2 + 4


def test_the_end_of_the_session_is_the_end_of_the_finding():
    watched = Watched().feed(enable(0), disable(700))
    assert watched.kinds == ["opened", "repeated", "ended"]
    finding = watched.finding
    assert finding.session == finding.event["session"]
    assert (finding.started_ns, finding.ended_ns) == (EPOCH_NS, EPOCH_NS + 700 * MS)
    assert finding.duration_ns == 700 * MS
    assert watched.seen[-1].event["action"] == "disable"


def test_an_act_that_goes_on_has_not_ended():
    """Switched on again, it has no end until the next one; its duration is that of the act."""
    watched = Watched().feed(enable(0), disable(100), enable(400))
    assert watched.kinds[-1] == "repeated"
    assert (watched.finding.ended_ns, watched.finding.duration_ns) == (None, None)
    watched.feed(disable(900))
    assert watched.kinds[-1] == "ended"
    assert watched.finding.duration_ns == 900 * MS


def test_a_session_that_no_rule_objects_to_belongs_to_the_act():
    """A read is objected to; the tracing that comes later is not, and still tells the end."""
    watched = Watched().feed(
        reads(0), ptrace("SEIZE", 70_000, SPY, SHOP), ptrace("DETACH", 90_000, SPY, SHOP)
    )
    assert watched.kinds == ["opened", "ended", "continued", "ended"]
    assert (watched.finding.count, watched.finding.duration_ns) == (1, 90_000 * MS)


def test_of_several_sessions_the_last_one_counts():
    """perf and ptrace at the same target: the act is over when both are."""
    watched = Watched().feed(enable(0), ptrace("ATTACH", 5, SPY, SHOP), disable(10))
    assert "ended" not in watched.kinds
    watched.feed(ptrace("DETACH", 30, SPY, SHOP))
    assert watched.kinds[-1] == "ended"
    assert watched.finding.duration_ns == 30 * MS


def test_one_exit_ends_each_finding_by_its_own_event():
    watched = Watched().feed(enable(0, [1], SPY, SHOP), enable(1, [2], SPY, BANK), ends(50, SPY))
    ended = {
        change.event.target.pid: change.finding.duration_ns
        for change in watched.seen
        if change.kind == "ended"
    }
    assert ended == {200: 50 * MS, 300: 49 * MS}
    assert (watched.engine._active, watched.engine._session_acts) == ({}, {})


def test_what_goes_on_is_one_finding_however_long():
    """Past the window too, as long as the session lasts."""
    events = enable(0), enable(3 * HOUR, [2]), disable(3 * HOUR + 5, [1, 2])
    watched = Watched().feed(*events)
    assert watched.finding.duration_ns == (3 * HOUR + 5) * MS


def test_a_child_that_is_profiled_with_its_parent_is_the_same_act():
    child = prof("enable fork inherited", 1, [1], SPY, task(201))
    watched = Watched().feed(enable(0), child)
    assert watched.finding.count == 4  # two rules each


ENDS = """
title: Left on
logsource: {product: linux, service: profguard, category: prof}
detection: {selection: {prof.duration_ns|gt: 1000}, condition: selection}
"""


def test_a_finding_about_an_end_began_when_that_began():
    watched = Watched(ENDS).feed(enable(0), disable(500))
    finding = watched.finding
    assert (finding.first_seen_ns, finding.started_ns) == (EPOCH_NS + 500 * MS, EPOCH_NS)
    assert (finding.ended_ns, finding.duration_ns) == (EPOCH_NS + 500 * MS, 500 * MS)


def test_an_end_whose_begin_is_not_in_the_capture_has_what_was_recorded():
    """It leaves nothing open: what is never seen on is never waited for."""
    off = disable(500)
    off["session"], off["duration_ns"] = "from before", 300 * MS
    watched = Watched(ENDS).feed(off)
    finding = watched.finding
    assert (finding.started_ns, finding.duration_ns) == (EPOCH_NS + 200 * MS, 300 * MS)
    assert (watched.engine._active, watched.engine._session_acts) == ({}, {})


@pytest.mark.parametrize(
    ("events", "tainted"),
    [
        ([lost(0), enable(1), disable(2)], False),
        ([enable(0), lost(1), disable(2)], True),
        ([reads(0), lost(1), reads(2)], True),
        ([enable(0), lost(1)], True),
        ([reads(0), disable(1), lost(3, within=2)], False),
        ([enable(0), disable(1), lost(2)], False),
        ([enable(0), disable(2), lost(3, within=2)], True),
        ([reads(2), lost(3, within=2)], True),
    ],
    ids=[
        "before",
        "in between, before the end",
        "in between, before a repeat",
        "while it goes on",
        "after",
        "after the end",
        "noticed after the end",
        "noticed after the only match",
    ],
)
def test_a_loss_during_an_act_taints_its_finding(events, tainted):
    assert Watched().feed(*events).finding.tainted is tainted


def test_taint_is_a_change_of_its_own_once():
    """Of each finding that the loss concerns, whatever it tells how often."""
    watched = Watched(ENDS).feed(enable(0), disable(5), lost(6, within=3), lost(6, within=3))
    assert watched.kinds == ["opened", "ended", "tainted"]


def test_what_no_process_does_is_told_apart_by_its_event():
    """A loss and a change of state are not one act, though neither has an actor."""
    rules = """
title: Lost
logsource: {product: linux, service: profguard, category: lost_events}
detection: {selection: {lost_events.count|gt: 0}, condition: selection}
---
title: State
logsource: {product: linux, service: profguard, category: sensor_status}
detection: {selection: {sensor_status.state: degraded}, condition: selection}
"""
    status = event("sensor_status", 1, state="degraded")
    watched = Watched(rules).feed(lost(0), status, lost(2))
    assert [(f.rule_title, f.count, f.mechanism) for f in watched.findings] == [
        ("Lost", 2, None),
        ("State", 1, None),
    ]


def test_acts_are_forgotten_before_they_fill_the_memory(monkeypatch):
    """Those that were quiet for longest; a repeat of one that is forgotten opens a new finding."""
    monkeypatch.setattr(engine, "MAX_ACTS", 3)
    watched = Watched().feed(*(reads(n, SPY, task(n)) for n in (1, 2, 3)))
    watched.feed(reads(4, SPY, task(1)), reads(5, SPY, task(4)), reads(6, SPY, task(1)))
    assert watched.kinds == ["opened"] * 3 + ["repeated", "opened", "repeated"]
    assert len(watched.engine._acts) == 3
    watched.feed(reads(7, SPY, task(2)))
    assert watched.kinds[-1] == "opened"


def test_nothing_is_kept_of_sessions_that_are_over():
    watched = Watched()
    for n in range(50):
        watched.feed(enable(n, [n]), ptrace("ATTACH", n, SPY, SHOP), disable(n, [n]), ends(n, SPY))
    kept = watched.engine
    assert (kept._session_acts, kept._active, kept._followers) == ({}, {}, {})


def test_the_same_events_make_the_same_findings_with_the_same_ids():
    def told():
        watched = Watched().feed(
            enable(0), reads(1), ptrace("ATTACH", 2, SPY, SHOP), reads(3, GDB), ends(4, SPY)
        )
        return [(change.kind, change.finding.as_dict()) for change in watched.seen]

    assert told() == told()


def test_rules_can_be_replaced_while_an_act_goes_on():
    watched = Watched().feed(enable(0))
    watched.engine.replace_rules(rule_set(ENDS))
    watched.feed(disable(10))
    assert watched.kinds[-2:] == ["repeated", "ended"]
    assert watched.finding.rules[-1] == "rule-0"


def test_an_act_of_a_rule_that_is_gone_still_ends():
    """Its finding keeps its id, and gets its end and duration."""
    watched = Watched().feed(enable(0))
    before = watched.finding.id
    watched.engine.replace_rules(rule_set(""))
    watched.feed(disable(10), ptrace("ATTACH", 20, GDB, SHOP))
    assert watched.kinds[-1] == "ended"
    assert (watched.finding.id, watched.finding.duration_ns) == (before, 10 * MS)


JOINED = (
    detection("traced", "ptrace", "ptrace.request: PTRACE_ATTACH")
    + detection("read", "process_vm_readv", "process_vm_readv.ret|gt: 0")
    + """\
title: Traced, then read
correlation:
  type: temporal_ordered
  rules: [traced, read]
  group-by: [process.pid, target.pid]
  timespan: 1m
level: critical
profguard:
  message: "{process.pid} reads what it traces, {target.pid}"
  suppress: {for: 10m}
"""
)


def test_a_correlation_is_a_finding_of_its_own_and_its_rules_are_silent():
    """With the events that it joined as evidence, from the first of them on."""
    watched = Watched(JOINED)
    attach = ptrace("ATTACH", 0, SPY, SHOP)
    watched.feed(attach, *(reads(100 + n, SPY, SHOP) for n in range(5)))
    assert watched.kinds == ["opened"] + ["repeated"] * 4
    finding = watched.finding
    assert (finding.rule_title, finding.level, finding.count) == (
        "Traced, then read",
        "critical",
        5,
    )
    assert finding.message == f"{SPY.pid} reads what it traces, {SHOP.pid}"
    assert [one.spec.name for one in finding.evidence] == ["ptrace", "process_vm_readv"]
    assert finding.started_ns == attach.time_ns
    assert finding.first_seen_ns == attach.time_ns + 100 * MS


def test_each_group_of_a_correlation_has_its_finding():
    watched = Watched(JOINED)
    for target in (SHOP, BANK):
        watched.feed(ptrace("ATTACH", target.pid, SPY, target), reads(target.pid + 1, SPY, target))
    watched.feed(reads(20 * 60 * SECOND, GDB, BANK))
    assert watched.kinds == ["opened", "opened"]


def test_rules_of_a_correlation_report_too_where_it_says_so():
    watched = Watched(JOINED.replace("level: critical", "generate: true\nlevel: critical"))
    watched.feed(ptrace("ATTACH", 0, SPY, SHOP), reads(1, SPY, SHOP))
    assert [f.rule_title for f in watched.findings] == ["Traced", "Traced, then read"]


def test_a_correlation_over_a_loss_is_tainted():
    """What was lost may have been one of its events, or what broke it off."""
    watched = Watched(JOINED)
    watched.feed(ptrace("ATTACH", 0, SPY, SHOP), lost(1), reads(2, SPY, SHOP))
    assert watched.finding.tainted


LEFT_ON = """
title: "On"
name: switched_on
logsource: {product: linux, service: profguard, category: prof}
detection: {selection: {prof.action: enable}, condition: selection}
---
title: "Off"
name: switched_off
logsource: {product: linux, service: profguard, category: prof}
detection: {selection: {prof.action: disable}, condition: selection}
---
title: Left on
correlation:
  type: event_count
  rules: [switched_on]
  group-by: [process.pid, target.pid]
  timespan: 1h
  condition: {gte: 1}
profguard: {absent: [switched_off]}
"""


def test_what_has_not_happened_is_a_finding_when_its_time_is_over():
    watched = Watched(LEFT_ON).feed(enable(0))
    assert watched.seen == []
    assert watched.engine.pass_time(EPOCH_NS + int(HOUR * MS)) == []  # events may still be late
    changes = watched.engine.pass_time(EPOCH_NS + int((HOUR + 10 * SECOND) * MS))
    assert [(c.kind, c.finding.rule_title) for c in changes] == [("opened", "Left on")]
    finding = changes[0].finding
    assert finding.first_seen_ns == EPOCH_NS + int(HOUR * MS)
    assert finding.started_ns == EPOCH_NS
    watched.feed(disable(2 * HOUR))
    assert watched.kinds == ["ended"]
    assert finding.duration_ns == int(2 * HOUR * MS)


def test_what_has_happened_in_time_is_none():
    watched = Watched(LEFT_ON).feed(enable(0), disable(10))
    assert watched.engine.pass_time(EPOCH_NS + int(3 * HOUR * MS)) == []


def test_a_correlation_goes_on_when_rules_are_replaced():
    watched = Watched(JOINED).feed(ptrace("ATTACH", 0, SPY, SHOP))
    watched.engine.replace_rules(rule_set(JOINED))
    watched.feed(reads(1, SPY, SHOP))
    assert watched.kinds == ["opened"]


def test_a_correlation_that_was_changed_begins_anew():
    watched = Watched(JOINED).feed(ptrace("ATTACH", 0, SPY, SHOP))
    watched.engine.replace_rules(rule_set(JOINED.replace("timespan: 1m", "timespan: 2m")))
    watched.feed(reads(1, SPY, SHOP))
    assert watched.kinds == []


FILTERED = """
title: Except one
logsource: {product: linux, service: profguard}
filter:
  rules: any
  selection: {process.user.name: ann}
  condition: not selection
"""


def test_an_excused_match_is_no_finding_and_is_counted():
    watched = Watched(f"{RULES}---{FILTERED}").feed(
        ptrace("ATTACH", 0, SPY, SHOP), ptrace("ATTACH", 1, GDB, SHOP)
    )
    assert watched.kinds == ["opened"]
    assert {one.title: count for one, count in watched.engine.excused.items()} == {"Except one": 1}
