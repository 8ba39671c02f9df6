"""The rules that travel with the program: each tested, no two in each other's way, quiet."""

import re
import uuid
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

from profguard import capture
from profguard.context import Enricher, Labeler, ProcessTable
from profguard.engine import Engine
from profguard.pipeline import Pipeline, run_replay
from profguard.resources import folder
from profguard.rules import Detection, load
from profguard.rules.check.case_reader import read_cases
from profguard.rules.check.cases import matches_of, missing_cases, run_cases
from profguard.rules.check.coverage import undecided
from profguard.rules.check.lint import warnings
from profguard.rules.correlate.rule import Correlation
from profguard.rules.rego.rule import RegoRule

TESTS = Path(__file__).parent
RULES = load([folder("rules")])
PROBLEMS: list = []
CASES = read_cases([TESTS / "rules"], RULES, PROBLEMS)

# The cases that another rule than their own matches, or their own and another. Everywhere else a
# case that fires fires its rule alone, and a quiet one fires none.
ALSO = {
    ("control_group_profiled", "a whole machine has a rule of its own"): {"system_wide_counting"},
    ("command_line_lies", "strace says 900 and is at 812"): {"ptrace_credentials"},
    ("descriptor_refused", "it was given"): {"descriptor_taken"},
    ("descriptor_taken", "a refused attempt, which has another rule"): {"descriptor_refused"},
    ("jvm_attach_production", "SIGQUIT alone, which has another rule"): {
        "jvm_thread_dump_production"
    },
    ("jvm_attach_production", "the inspector of Node.js, which has another rule"): {
        "node_inspector_production"
    },
    ("jvm_thread_dump_production", "a connection, which has another rule"): {
        "jvm_attach_production"
    },
    ("kernel_sampling", "a user where perf_event_paranoid is 1 or less"): {"perf_unprivileged"},
    ("memory_open_refused", "it was opened, which has another rule"): {"memory_opened"},
    ("memory_opened", "a refused attempt, which has another rule"): {"memory_open_refused"},
    ("kprobe_placed", "access checks, which have a graver rule"): {"kprobe_sensitive"},
    ("kprobe_placed", "credentials, which have a graver rule"): {"kprobe_sensitive"},
    ("kprobe_sensitive", "the network, which has another rule"): {"kprobe_placed"},
    ("memory_read_foreign", "a refused attempt, which has another rule"): {"memory_refused"},
    ("memory_read_foreign", "out of a container"): {"tool_at_foreign_runtime"},
    ("memory_read_foreign", "production has a rule of its own"): {"memory_read_production"},
    ("memory_written_foreign", "production has a rule of its own"): {"memory_written_production"},
    ("node_inspector_production", "SIGQUIT to a JVM, which has another rule"): {
        "jvm_thread_dump_production"
    },
    ("perf_other_container", "production has a rule of its own"): {"unexpected_profiling"},
    ("perf_other_user", "production has a rule of its own"): {"unexpected_profiling"},
    ("preload_writable", "a production process of a user, audited"): {"profiler_env_production"},
    ("ptrace_other_container", "production has a rule of its own"): {"ptrace_production"},
    ("ptrace_other_user", "a refused attempt, which has another rule"): {"ptrace_refused"},
    ("ptrace_other_user", "production has a rule of its own"): {"ptrace_production"},
    ("runtime_attach_foreign", "production has a rule of its own"): {"jvm_attach_production"},
    ("system_wide_counting", "perf record -a, which samples"): {"system_wide_sampling"},
    ("system_wide_sampling", "a control group has a rule of its own"): {"control_group_profiled"},
    ("system_wide_sampling", "perf stat -a, which only counts"): {"system_wide_counting"},
    ("system_wide_sampling", "perf trace -a, tracepoints"): {"system_wide_tracing"},
    ("system_wide_tracing", "perf record -a, which samples"): {"system_wide_sampling"},
    ("tool_at_foreign_runtime", "gdb, which is for all"): {"ptrace_credentials"},
    ("tool_at_foreign_runtime", "py-spy reads an SSH agent"): {"memory_read_credentials"},
    ("uprobe_input", "a program with a name that ends alike, which has another rule"): {
        "uprobe_placed"
    },
    ("uprobe_login", "a program with a name that ends alike, which has another rule"): {
        "uprobe_placed"
    },
    ("uprobe_placed", "Go's TLS, which has a graver rule"): {"uprobe_tls"},
    ("uprobe_placed", "OpenSSL in a program, which has a graver rule"): {"uprobe_tls"},
    ("uprobe_placed", "PAM, which has a graver rule"): {"uprobe_login"},
    ("uprobe_placed", "a TLS library, which has a graver rule"): {"uprobe_tls"},
    ("uprobe_placed", "a shell, which has a graver rule"): {"uprobe_input"},
    ("uprobe_placed", "the server of SSH, which has a graver rule"): {"uprobe_login"},
    ("uprobe_placed", "what shells read lines with, which has a graver rule"): {"uprobe_input"},
    ("uprobe_tls", "the C library, which has another rule"): {"uprobe_placed"},
}


def stem(rule) -> str:
    return Path(rule.path).stem


def case_id(case) -> str:
    return f"{stem(case.rule)}: {case.name}"


SINGLE = [case for case in CASES if not isinstance(case.rule, Correlation)]
by_rule = pytest.mark.parametrize("rule", RULES.rules, ids=stem)
by_detection = pytest.mark.parametrize(
    "rule", [rule for rule in RULES.rules if isinstance(rule, Detection)], ids=stem
)


def test_every_rule_lints_clean_and_does_what_its_cases_say():
    problems = [*RULES.problems, *warnings(RULES), *PROBLEMS]
    problems += missing_cases(RULES, CASES, "error")
    problems += [result.problem for result in run_cases(RULES, CASES) if result.problem]
    assert [problem.render() for problem in problems] == []


@pytest.mark.parametrize("case", SINGLE, ids=case_id)
def test_a_case_is_matched_by_its_own_rule_only(case):
    expected = ALSO.get((stem(case.rule), case.name), set()) | (
        {stem(case.rule)} if case.match else set()
    )
    matched = {match.rule for match in RULES.match(case.event)}
    assert {stem(rule) for rule in matched - (RULES.silent - {case.rule})} == expected


def test_the_table_of_overlaps_names_cases_that_exist():
    assert set(ALSO) <= {(stem(case.rule), case.name) for case in CASES}


@by_rule
def test_a_rule_says_all_that_its_reader_needs(rule):
    assert str(uuid.UUID(rule.id)) == rule.id
    assert (rule.author, rule.status, rule.enabled) == ("profguard", "test", True)
    assert rule.description
    assert rule.falsepositives
    assert rule.references
    assert rule.message != rule.title or isinstance(rule, RegoRule)
    techniques = {tag for tag in rule.tags if re.fullmatch(r"attack\.t\d{4}(\.\d{3})?", tag)}
    tactics = {tag for tag in rule.tags if re.fullmatch(r"attack\.[a-z-]+", tag)}
    assert techniques | tactics == set(rule.tags)
    assert tactics or not techniques


@by_rule
def test_a_message_has_no_gap_where_the_rule_fires(rule):
    """What a message names is known in at least one of the cases that fire."""
    cases = [case for case in CASES if case.rule is rule and case.match]
    matches = [match for case in cases for match in matches_of(RULES, case)]
    messages = [match.message for match in matches if match.rule is rule]
    assert rule.title not in messages
    assert any("unknown" not in message for message in messages), messages


# Conditions that hold wherever the rest of their rule does, and why they stand there.
IMPLIED = {
    ("agent_of_another_user", "relation"): "the one field that another thread cannot race",
    ("kernel_sampling", "perf.ret"): "the one field that another thread cannot race",
    ("tracefs_changed", "process.user.id"): "the one field that another thread cannot race",
    ("profiling_left_on", "prof.action"): "only an end has a duration; said for the reader",
}


@by_detection
def test_each_condition_of_a_rule_decides_a_case(rule):
    """With any question answered yes, or no, whatever the event, a case goes wrong."""
    cases = [case.event for case in CASES if case.rule is rule]
    found = {(stem(rule), leaf.field.name) for leaf in undecided(rule.condition, cases)}
    assert found == {key for key in IMPLIED if key[0] == stem(rule)}


def test_the_life_of_processes_and_of_the_sensor_is_no_finding():
    """Installing packages and building programs is nothing but exec, fork and exit."""
    asked = {event for rule in RULES.rules for event in rule.events}
    assert not asked & {"sched_process_exec", "sched_process_fork", "sched_process_exit"}
    assert "sensor_status" not in asked


class Act(NamedTuple):
    """What a recorded act, tests/acts/NAME.jsonl, comes to."""

    name: str
    rule: str
    level: str
    actor: str
    target: str | None
    mechanism: str


SHOP, PYTHON = "/srv/shop/bin/shopd", "/usr/bin/python3.11"
PERF, PY_SPY = "/usr/bin/perf", "/usr/local/bin/py-spy"
ACTS = (
    Act("perf_stat_pid", "unexpected_profiling", "high", PERF, SHOP, "perf"),
    Act("perf_record_pid", "unexpected_profiling", "high", PERF, SHOP, "perf"),
    Act("perf_stat_command", "unexpected_profiling", "high", PERF, SHOP, "perf"),
    Act("perf_record_all", "system_wide_sampling", "medium", PERF, None, "perf"),
    Act("strace_pid", "ptrace_production", "high", "/usr/bin/strace", SHOP, "ptrace"),
    Act("gdb_pid", "ptrace_production", "high", "/usr/bin/gdb", SHOP, "ptrace"),
    # It reads where the interpreter is before it attaches: the first rule of a level names it.
    Act("py_spy_dump", "memory_read_production", "high", PY_SPY, PYTHON, "process_vm_readv"),
    Act(
        "py_spy_nonblocking",
        "memory_read_production",
        "high",
        PY_SPY,
        PYTHON,
        "process_vm_readv",
    ),
    Act("itimer", "itimer_production", "medium", PYTHON, PYTHON, "itimer"),
)


class Seen:
    """An output that keeps what the pipeline says."""

    def __init__(self):
        self.events, self.kinds, self.findings = 0, Counter(), {}

    def event(self, _event):
        self.events += 1

    def changes(self, changes):
        for change in changes:
            self.kinds[change.kind] += 1
            self.findings[change.finding.id] = change.finding

    def flush(self):
        pass


def replayed(name: str) -> Seen:
    """The act as it was recorded on Linux 6.18, as root, shortened where it repeats itself."""
    seen, labeler = Seen(), Labeler()
    enricher = Enricher(ProcessTable(labeler, boot_to_wall_ns=0), labeler, "shop-1")
    pipeline = Pipeline(enricher, Engine(RULES), [seen])
    run_replay(capture.read(str(TESTS / "acts" / f"{name}.jsonl")), pipeline)
    return seen


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.name)
def test_an_act_at_a_production_process_is_one_finding_and_one_alert(act):
    seen = replayed(act.name)
    [finding] = seen.findings.values()
    assert (stem(RULES.get(finding.rule_id)), finding.level) == (act.rule, act.level)
    assert finding.event.process.executable == act.actor
    assert (finding.event.target and finding.event.target.executable) == act.target
    assert finding.mechanism == act.mechanism
    assert finding.duration_ns is not None
    assert (seen.kinds["opened"], seen.kinds["escalated"]) == (1, 0)


def test_a_developer_at_work_is_no_finding():
    """gdb, strace, perf stat, perf record -e cpu-clock:u and py-spy on programs of one's own."""
    seen = replayed("developer")
    assert seen.events > 100
    assert [finding.message for finding in seen.findings.values()] == []
