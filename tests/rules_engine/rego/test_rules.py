"""Rules in Rego among the others: loaded, ordered, filtered, told and closed with them."""

import subprocess
import sys

import pytest

from profguard.context.enrich import Enricher
from profguard.context.labels import Labeler
from profguard.context.processes import ProcessTable
from profguard.engine import Engine
from profguard.errors import RuleError
from profguard.model import Process
from profguard.pipeline import Pipeline, run_replay
from profguard.rules import load
from tests.events import event, ptrace, task
from tests.rules_engine.rego.texts import HELPERS, ours, tracee

SIGMA = """\
title: Ptrace
logsource: {product: linux, service: profguard, category: ptrace}
detection:
  selection: {ptrace.ret: 0}
  condition: selection
level: medium
"""
FILTER = """\
title: Not by gdb
id: 2b1c9d8e-0000-4000-8000-000000000001
logsource: {product: linux, service: profguard, category: ptrace}
filter:
  rules: [strange]
  selection:
    process.executable: /usr/bin/gdb
  condition: not selection
profguard: {owner: ann, reason: her work, expires: "2099-01-01"}
"""
STRANGE = ours('match contains sprintf("pid %d is strange", [input.process.pid])\n', "strange")
HIGH = STRANGE.replace("#   events", "#   level: high\n#   events")
GDB, SHOP = task(10, executable="/usr/bin/gdb"), task(20, executable="/srv/shop")


@pytest.fixture
def loaded(tmp_path):
    """A function: the RuleSet of texts by file name."""
    sets = []

    def build(files, **options):
        for name, text in files.items():
            (tmp_path / name).write_text(text)
        sets.append(load([tmp_path], **options))
        return sets[-1]

    yield build
    for rules in sets:
        rules.close()


@pytest.mark.parametrize("text", [STRANGE, HIGH], ids=["same level", "graver"])
def test_what_rego_says_has_its_place_among_the_matches(loaded, text):
    """Gravest level first, then by path, whichever the kind."""
    rules = loaded({"a.yml": SIGMA, "strange.rego": text})
    matches = rules.match(ptrace("ATTACH", 0, GDB, SHOP))
    order = [match.rule.title for match in matches]
    assert order == [rule.title for rule in rules.rules]
    assert order == (
        ["Ptrace", "Title of strange"] if text is STRANGE else ["Title of strange", "Ptrace"]
    )


def test_a_finding_of_rego_says_what_the_policy_said(loaded):
    rules = loaded({"strange.rego": HIGH})
    [change] = Engine(rules).feed(ptrace("ATTACH", 0, GDB, SHOP))
    assert change.finding.message == "pid 10 is strange"
    assert (change.finding.rule_id, change.finding.level) == ("strange", "high")


def test_repeats_are_folded_by_the_fields_that_the_policy_names(loaded):
    text = STRANGE.replace("#   events", "#   suppress: {by: [process.pid]}\n#   events")
    engine = Engine(loaded({"strange.rego": text}))
    kinds = [
        engine.feed(ptrace("ATTACH", ms, task(pid), SHOP))[0].kind
        for ms, pid in enumerate((10, 10, 11))
    ]
    assert kinds == ["opened", "repeated", "opened"]


def test_a_filter_excuses_from_rego_too(loaded):
    rules = loaded({"f.yml": FILTER, "strange.rego": STRANGE})
    others = task(11, executable="/tmp/x")
    assert rules.match(ptrace("ATTACH", 0, GDB, SHOP)) == ()
    assert len(rules.match(ptrace("ATTACH", 0, others, SHOP))) == 1


def test_a_rule_that_fails_is_counted_by_its_id_and_the_others_go_on(loaded):
    body = 'match contains "x" if { to_number(input.process.name) > 1 }\n'
    rules = loaded({"strange.rego": STRANGE, "fails.rego": ours(body, "fails")})
    engine = Engine(rules)
    numbered = task(11, name="not a number")
    assert [c.finding.message for c in engine.feed(ptrace("ATTACH", 0, numbered, SHOP))] == [
        "pid 11 is strange"
    ]
    assert engine.rule_errors == {rules.get("fails").id: 1}


def test_what_is_prepared_is_what_is_matched(loaded):
    """Asked at once or one by one: the same; and again, when it is matched twice."""
    rules = loaded({"strange.rego": STRANGE})
    events = [ptrace("ATTACH", pid, task(pid), SHOP) for pid in range(1, 40)]
    alone = [[match.message for match in rules.match(each)] for each in events]
    rules.prepare(events)
    for _ in range(2):
        assert [[match.message for match in rules.match(each)] for each in events] == alone


class Heard:
    """An output that keeps the order in which it hears of events and findings."""

    def __init__(self):
        self.order = []

    def event(self, each):
        self.order.append(each.process.pid)

    def changes(self, changes):
        self.order += [(change.kind, change.finding.message) for change in changes]

    def flush(self):
        self.order.append("flush")


@pytest.mark.parametrize("batch", [1, 7, 512])
def test_a_pipeline_says_the_same_in_whatever_batches(loaded, batch):
    """Outputs hear of each event, then of its findings, in the order of the events."""
    rules = loaded({"a.yml": SIGMA, "strange.rego": HIGH})
    rules.rego.batch = batch
    heard, labeler = Heard(), Labeler()
    enricher = Enricher(ProcessTable(labeler, boot_to_wall_ns=0), labeler, "host")
    events = [ptrace("ATTACH", pid, task(pid), SHOP) for pid in range(1, 31)]
    run_replay(events, Pipeline(enricher, Engine(rules), [heard]))
    expected = []
    for pid in range(1, 31):
        said = f"pid {pid} is strange"
        expected += [pid, ("opened", said), ("repeated", said)]
    assert heard.order == [*expected, "flush"]


def test_a_bad_policy_is_a_refusal_or_left_out(loaded, tmp_path):
    """As a bad Sigma rule is."""
    files = {"a.yml": SIGMA, "bad.rego": ours("match contains {\n", "bad"), "s.rego": STRANGE}
    with pytest.raises(RuleError) as refusal:
        loaded(files)
    assert [problem.code for problem in refusal.value.problems] == ["PG150"]
    rules = loaded(files, skip_bad=True)
    assert {rule.id for rule in rules.rules if rule.kind == "rego"} == {"strange"}


def test_an_id_is_used_once(loaded):
    files = {"a.rego": STRANGE, "b.rego": STRANGE}
    rules = loaded(files, skip_bad=True)
    assert [problem.code for problem in rules.problems] == ["PG110"]
    assert len(rules.match(ptrace("ATTACH", 0, GDB, SHOP))) == 1


def test_the_variables_that_a_policy_names_are_collected(loaded):
    text = ours('match if input.target.environ.LD_PRELOAD != ""\n', "strange")
    rules = loaded({"s.rego": text})
    assert rules.environ_names == {"LD_PRELOAD"}
    preloaded = Process(pid=20, environ={"LD_PRELOAD": "/tmp/x.so"})
    assert len(rules.match(event("ptrace", 0, GDB, preloaded))) == 1
    assert rules.match(event("ptrace", 0, GDB, SHOP)) == ()


def test_a_signature_is_listed_with_our_names_of_its_events(loaded):
    names = ("ptrace", "security_file_open")
    rules = loaded(
        {"helpers.rego": HELPERS, "s.rego": tracee("tracee_match { true }\n", "A", names)}
    )
    assert [rule.events for rule in rules.rules] == [("ptrace", "tracee_security_file_open")]


def test_without_a_policy_nothing_of_rego_is_imported(tmp_path):
    (tmp_path / "a.yml").write_text(SIGMA)
    script = (
        "import sys; from pathlib import Path; from profguard.rules import load; "
        f"load([Path({str(tmp_path)!r})]); "
        "print([name for name in sys.modules if 'rego' in name])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


def test_it_works_where_nothing_standard_is_open(tmp_path):
    """stdin, stdout and stderr closed: the worker's pipes do not take their numbers."""
    (tmp_path / "s.rego").write_text(STRANGE)
    script = f"""
import os
for number in (0, 1, 2):
    os.close(number)
from pathlib import Path
from profguard.pipeline import Pipeline, run_replay
from profguard.rules import load
rules = load([Path({str(tmp_path)!r})])
taken = [number for number in (0, 1, 2) if os.path.exists(f"/proc/self/fd/{{number}}")]
Path({str(tmp_path / "said")!r}).write_text(f"{{len(rules.rules)}} {{taken}}")
"""
    subprocess.run([sys.executable, "-c", script], check=True)
    assert (tmp_path / "said").read_text() == "1 []"
