"""The rules part of `profguard doctor`: what a sensor has in force, and what is on disk."""

import shutil
from pathlib import Path

import pytest

from profguard.cli import rules_state
from profguard.config import Config, parse
from profguard.errors import RuleError
from profguard.findings.store import Store
from profguard.keeping import Keeping
from profguard.reload import Load
from profguard.rules import pack
from tests.conftest import START_NS

RULE = """\
title: One
logsource: {product: linux, service: profguard, category: ptrace}
detection: {selection: {ptrace.ret: 0}, condition: selection}
"""


@pytest.fixture
def config(tmp_path) -> Config:
    """Rules in one folder, the database beside it."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "one.yml").write_text(RULE)
    text = "[store]\npath = 'profguard.db'\n[rules]\npaths = ['rules']\n"
    return parse(text, tmp_path / "profguard.toml")


@pytest.fixture
def sensor(config):
    """Record loads of these paths as a running sensor does; with `end` it ends."""

    def run(*loads, end=False):
        store = Store(config.store.path)
        keeping = Keeping(config, pack.rule_set([]), store, alerts=False, on_trouble=pytest.fail)
        end_run = keeping.begin_run(START_NS)
        for load in loads:
            keeping.loaded(load)
        if end:
            end_run(stopped_ns=START_NS + 1, reason="asked to")
        keeping.close()

    return run


def _load(paths, second: int, *, kept: int = 0) -> Load:
    """What reading these paths gives now."""
    time_ns = START_NS + second * 1_000_000_000
    try:
        rules = pack.load(paths)
    except RuleError as error:
        return Load(time_ns, "files", paths, None, error.problems, kept)
    return Load(time_ns, "files", paths, rules)


def _shown(config, capsys) -> tuple[str, RuleError | None]:
    report, refusal = rules_state.examine(config, None)
    rules_state.show(report)
    return capsys.readouterr().out, refusal


def test_without_a_database_it_says_what_is_on_disk(config, capsys):
    shown, refusal = _shown(config, capsys)
    assert (shown.strip(), refusal) == ("1 rule on disk, which would be put in force.", None)


def test_rules_on_disk_that_would_be_refused_are_told_with_their_places(config, capsys):
    path = Path(config.rules.paths[0]) / "one.yml"
    path.write_text(RULE.replace("ret", "rett"))
    shown, refusal = _shown(config, capsys)
    assert shown.strip() == "The rules on disk would be refused: 1 error."
    assert (refusal.exit_code, refusal.problems[0].code) == (3, "PG103")
    report, _ = rules_state.examine(config, None)
    assert [(p["code"], p["line"]) for p in report["on_disk"]["problems"]] == [("PG103", 3)]


def test_a_running_sensor_that_refuses_its_files_is_told_with_since_when_and_why(
    config, sensor, capsys
):
    folder = Path(config.rules.paths[0])
    good = _load([folder], 1)
    (folder / "bad.yml").write_text("title: [\n")
    sensor(good, _load([folder], 2, kept=1), _load([folder], 3, kept=1))
    shown, refusal = _shown(config, capsys)
    assert "not ended" in shown
    assert "1 rule in force since 2027-01-15T08:00:01" in shown
    assert "refused since 2027-01-15T08:00:02" in shown
    assert f"  {folder}/bad.yml:2:1: " in shown
    assert refusal


def test_the_paths_of_a_running_sensor_are_looked_up_not_those_of_the_configuration(
    config, sensor, tmp_path, capsys
):
    """It may have been started with --rules; of a run that is over that says nothing any more."""
    own = tmp_path / "own"
    own.mkdir()
    (own / "bad.yml").write_text("title: [\n")
    sensor(_load([own], 1))
    assert _shown(config, capsys)[1]
    sensor(_load([own], 1), end=True)
    shown, refusal = _shown(config, capsys)
    assert "stopped at 2027-01-15" in shown
    assert refusal is None


def test_a_database_that_cannot_be_read_is_one_clear_line(config, capsys):
    Path(config.store.path).write_text("no database at all, but long enough to be one" * 30)
    shown, refusal = _shown(config, capsys)
    assert shown.count("is not known: ") == 1
    assert refusal is None


def test_what_is_recorded_needs_no_file_to_be_there_still(config, sensor, capsys):
    """A file may go between being read and being recorded."""
    folder = Path(config.rules.paths[0])
    load = _load([folder], 1)
    shutil.rmtree(folder)
    sensor(load)
    shown, refusal = _shown(config, capsys)
    assert "1 rule in force since" in shown
    assert refusal.problems[0].code == "PG116"
