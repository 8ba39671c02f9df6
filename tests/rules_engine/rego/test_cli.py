"""`profguard rules` with policies: linted, tested, listed and explained as other rules are."""

import json
import sys

import pytest

from profguard.cli import execute as execute_command
from tests.rules_engine.rego.texts import HELPERS, ours, tracee

POLICY = ours('match contains "root" if input.process.user.id == 0\n', "by_root")
CASES = """\
rule: by_root
cases:
  - {name: root, match: true, event: {process: {user: {id: 0}}}}
  - {name: ann, match: false, event: {process: {user: {id: 1000}}}}
"""
SIGNATURE = tracee('tracee_match {\n    helpers.get_tracee_argument("a") == 1\n}\n')
TESTS = """\
package tracee.TRC_1

test_one { tracee_match with input as {"args": [{"name": "a", "value": 1}]} }

test_two { not tracee_match with input as {"args": [{"name": "a", "value": 2}]} }
"""


def execute(command: list[str]) -> int:
    """The exit code of a command."""
    try:
        return execute_command(command)
    except SystemExit as end:
        return end.code


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a policy and its cases, a signature and its tests."""
    files = {
        "rules/by_root.rego": POLICY,
        "rules/helpers.rego": HELPERS,
        "rules/trc_1.rego": SIGNATURE,
        "rules/trc_1_test.rego": TESTS,
        "tests/rules/by_root.yml": CASES,
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_all_is_well(folder, capsys):
    """Cases and tests in Rego both count as tests of a rule."""
    assert execute(["rules", "lint", "rules"]) == 0
    assert capsys.readouterr().out == "2 rules, 0 errors, 0 warnings\n"
    assert execute(["rules", "test", "rules"]) == 0
    assert capsys.readouterr().out == "2 rules, 4 cases, 4 passed, 0 errors, 0 warnings\n"


def test_a_case_that_fails_shows_what_the_policy_was_given(folder, capsys):
    cases = folder / "tests/rules/by_root.yml"
    cases.write_text(CASES.replace("match: false", "match: true"))
    assert execute(["rules", "test", "rules"]) == 1
    out = capsys.readouterr().out
    assert "case 'ann': should match, but does not" in out
    assert '{"process":{"user":{"id":1000}}}' in out


def test_a_test_in_rego_that_fails_is_told_with_its_place(folder, capsys):
    tests = folder / "rules/trc_1_test.rego"
    tests.write_text(TESTS.replace('"value": 1', '"value": 3'))
    assert execute(["rules", "test", "rules", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert [(p["code"], p["path"], p["line"]) for p in told["problems"]] == [
        ("PG154", "rules/trc_1_test.rego", 3)
    ]
    assert {r["case"]: r["passed"] for r in told["results"]}["test_one"] is False


def test_where_no_worker_can_be_started_that_is_told(folder, capsys, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(folder / "no_such_python"))
    for command in ("lint", "test"):
        assert execute(["rules", command, "rules"]) == 1
        out = capsys.readouterr().out
        assert "Rego cannot be evaluated here" in out
        assert "no_such_python" in out


def test_a_policy_is_explained_by_what_it_sees_and_says(folder, capsys):
    (folder / "event.json").write_text(
        '{"event": {"name": "ptrace"}, "process": {"pid": 1, "user": {"id": 0}}}'
    )
    command = ["rules", "explain", "by_root", "--rules", "rules"]
    assert execute([*command, "--event", "event.json"]) == 0
    out = capsys.readouterr().out
    assert "sees      process.user.id\n" in out
    assert 'given     {"process": {"user": {"id": 0}}}\n' in out
    assert "yes       root\n" in out
    assert "match contains" in out
    assert execute([*command, "--event", "event.json", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["match"], told["results"], told["sees"]) == (True, ["root"], ["process.user.id"])
    assert told["rule"]["kind"] == "rego"


def test_documents_come_from_the_configuration(folder, capsys):
    """rules.data in the configuration is `data` in a policy."""
    text = ours("match if input.process.executable in data.tools\n", "by_root")
    (folder / "rules/by_root.rego").write_text(text)
    (folder / "profguard.toml").write_text('[rules.data]\ntools = ["/usr/bin/gdb"]\n')
    (folder / "events.jsonl").write_text(
        '{"type": "event", "event": {"name": "ptrace", "time": "2026-11-23T03:00:00Z"},'
        ' "process": {"pid": 1, "executable": "/usr/bin/gdb"},'
        ' "ptrace": {"request": "PTRACE_ATTACH", "pid": 2, "ret": 0}}\n'
    )
    command = ["replay", "events.jsonl", "--rules", "rules", "--config", "profguard.toml"]
    assert execute(command) == 0
    assert "Title of by_root" in capsys.readouterr().out
    assert execute(["config", "show", "--config", "profguard.toml"]) == 0
    assert "/usr/bin/gdb" in capsys.readouterr().out
