"""Cases of correlation rules, which are stories, and of filters."""

import textwrap

import pytest

from profguard.rules import load
from profguard.rules.check.case_reader import read_cases
from profguard.rules.check.cases import missing_cases, run_cases
from tests.rules_engine.correlate.stories import correlation

FILTER = """
title: Not me
logsource: {product: linux, service: profguard, category: perf}
filter: {rules: [opened], selection: {process.user.name: me}, condition: not selection}
"""


@pytest.fixture
def run(tmp_path):
    """A function: the results of cases, in YAML, for rules; and the problems of reading them."""

    def read(rules: str, cases: str):
        (tmp_path / "rules.yml").write_text(rules)
        (tmp_path / "cases.yml").write_text(textwrap.dedent(cases))
        for path in tmp_path.iterdir():
            path.chmod(0o644)
        found, problems = load([tmp_path / "rules.yml"]), []
        cases = read_cases([tmp_path / "cases.yml"], found, problems)
        return found, cases, problems, run_cases(found, cases)

    return read


def test_a_case_of_a_correlation_is_a_story(run):
    _, _, problems, results = run(
        correlation("event_count", condition="{gte: 3}"),
        """
        rule: joined
        cases:
          - name: quick
            match: true
            events:
              - {at: 0s, process: {pid: 7}, perf: {ret: 3}}
              - {at: 500ms, process: {pid: 7}, perf: {ret: 3}}
              - {at: 10s, process: {pid: 7}, perf: {ret: 3}}
          - name: slow
            match: false
            events:
              - {at: 0s, process: {pid: 7}, perf: {ret: 3}}
              - {at: 5s, process: {pid: 7}, perf: {ret: 3}}
              - {at: 11s, process: {pid: 7}, perf: {ret: 3}}
          - name: this one is wrong
            match: true
            events: [{process: {pid: 7}, perf: {ret: 3}}]
        """,
    )
    assert problems == []
    assert [result.passed for result in results] == [True, True, False]
    assert "joined" in results[2].problem.message


def test_time_passes_after_the_last_event(run):
    text = correlation("event_count", condition="{gte: 1}", own="{absent: [ended]}")
    opened = "{event: {name: perf}, process: {pid: 7}, perf: {ret: 3}}"
    ended = "{at: 2s, event: {name: sched_process_exit}, process: {pid: 7}}"
    _, _, problems, results = run(
        text,
        f"""
        rule: joined
        cases:
          - {{name: not yet, match: false, events: [{opened}]}}
          - {{name: left, match: true, events: [{opened}, {{at: 10s}}]}}
          - {{name: ended, match: false, events: [{opened}, {ended}, {{at: 1h}}]}}
        """,
    )
    assert problems == []
    assert [result.passed for result in results] == [True] * 3


def test_a_case_of_a_filter_matches_what_it_excuses(run):
    """An event that no rule of the filter objects to is not excused: the exception is dead."""
    _, _, problems, results = run(
        correlation("event_count", condition="{gte: 1}") + "---" + FILTER,
        """
        rule: Not me
        cases:
          - {name: me, match: true, event: {process: {user: {name: me}}, perf: {ret: 3}}}
          - {name: you, match: false, event: {process: {user: {name: you}}, perf: {ret: 3}}}
          - {name: dead, match: true, event: {process: {user: {name: me}}, perf: {ret: -1}}}
        """,
    )
    assert problems == []
    assert [result.passed for result in results] == [True, True, False]
    assert results[2].problem.message.startswith("filter")


def test_correlations_and_filters_need_cases_too(run):
    rules, cases, _, _ = run(
        correlation("event_count", condition="{gte: 1}") + "---" + FILTER,
        "rule: opened\ncases: [{name: a, match: true, event: {perf: {ret: 3}}}]\n",
    )
    told = [problem.message for problem in missing_cases(rules, cases, "warning")]
    assert sum("'Joined' has no test" in message for message in told) == 1
    assert sum("filter 'Not me' has no test" in message for message in told) == 1


WRONG = {
    "no events": ("{event: {perf: {ret: 3}}}", "list of events"),
    "not an event": ("{events: [7]}", "an event is a map"),
    "not a time": ("{events: [{at: soon, perf: {ret: 3}}]}", "'soon' is not a time"),
    "which event": ("{events: [{process: {pid: 7}}]}", "not clear which event"),
    "nothing happens": ("{events: [{at: 5s}]}", "nothing happens"),
}


@pytest.mark.parametrize(("case", "message"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_with_a_story_is_told(run, case, message):
    body = case[1:-1]
    _, cases, problems, _ = run(
        correlation("temporal", rules="[opened, read]"),
        f"rule: joined\ncases: [{{name: a, match: true, {body}}}]\n",
    )
    assert cases == []
    assert [problem.code for problem in problems] == ["PG120"]
    assert message in problems[0].message
