"""Reading a configuration: what it says, and all that is wrong with it."""

import os
import tomllib
from pathlib import Path

import jsonschema
import pytest

from profguard.config import Config, config_schema, file, load, parse
from profguard.errors import ConfigError

FILE = Path("/srv/guard.toml")
FULL = """\
[store]
path = "findings.db"
[rules]
paths = ["/etc/rules", "own"]
placeholders.admins = ["root", "sre"]
[labels]
production = {"cgroup|contains" = "/prod.slice/"}
approved-profiler = [{"executable|endswith" = "/parca-agent"}, {"user.name" = "sre"}]
[[alerts]]
name = "oncall"
sink = "webhook"
url = "https://alerts.example/hook"
secret_file = "webhook.key"
min_level = "high"
labels = ["production"]
timeout_s = 3
"""


def test_values_are_read_and_the_rest_has_defaults():
    """Relative paths start at the file's folder."""
    config = parse(FULL, FILE)
    assert config.store.path == "/srv/findings.db"
    assert config.store.retention_days == Config().store.retention_days
    assert config.rules.paths == config.rule_paths == ("/etc/rules", "/srv/own")
    assert config.rules.placeholders == {"admins": ("root", "sre")}
    assert config.sensor == Config().sensor
    production, approved = config.labels
    assert production.selection == {"cgroup|contains": "/prod.slice/"}
    assert len(approved.selection) == 2
    assert str(approved.place(1, "user.name")) == "/srv/guard.toml:8:65"
    (alert,) = config.alerts
    assert (alert.url, alert.secret_file) == ("https://alerts.example/hook", "/srv/webhook.key")
    assert (alert.timeout_s, alert.min_level, alert.format) == (3.0, "high", "json")


def test_an_empty_file_is_the_defaults_and_the_shipped_rules():
    config = parse("", FILE)
    assert config.store.retention_days == Config().store.retention_days
    assert (config.rules, config.sensor, config.alerts) == (Config().rules, Config().sensor, ())
    (folder,) = config.rule_paths
    assert Path(folder).name == "rules"


BROKEN = [
    # text, then code, line and column, words of the message, hint
    ("a = [1", "PG202", 1, 7, "unclosed array", None),
    ("a = 1\nb == 2", "PG202", 2, 4, "invalid value", None),
    ("a = 1\na = 2", "PG202", 2, 6, "cannot overwrite", None),
    ("[stor]", "PG203", 1, 2, "'stor'", "did you mean 'store'?"),
    ("[store]\npaht = 'x'", "PG203", 2, 1, "'store.paht'", "did you mean 'path'?"),
    ("[[alerts]]\nname='a'\nsink='b'\nsekret=1", "PG203", 4, 1, "alerts[0].sekret", None),
    ("store = 3", "PG204", 1, 9, "must be a table, not 3", None),
    ("[store]\npath = ''", "PG204", 2, 8, "text that is not empty", None),
    ("[store]\nretention_days = -1", "PG204", 2, 18, "whole number from 0 to 36500", None),
    ("[store]\nretention_days = true", "PG204", 2, 18, "not true", None),
    ("[rules]\npaths = '/etc'", "PG204", 2, 9, "must be a list of text", None),
    ("[rules]\npaths = ['a', 3]", "PG204", 2, 15, "rules.paths[1] must be text", None),
    ("[rules]\nplaceholders.x = 'y'", "PG204", 2, 18, "rules.placeholders.x", None),
    ("[rules]\nskip_bad = 'no'", "PG204", 2, 12, "true or false, not 'no'", None),
    ("[sensor]\nring_mb = 12", "PG204", 2, 11, "12 is not a power of two", None),
    ("[sensor]\nring_mb = 2048", "PG204", 2, 11, "from 1 to 1024", None),
    ("[redact]\npatterns = ['a', '(']", "PG204", 2, 18, "not a regular expression", None),
    ("[redact]\npatterns = ['(a*)*b']", "PG204", 2, 13, "exponential time", "neighbouring"),
    ("[labels]\n'a b' = {name = 'x'}", "PG204", 2, 1, "a name of letters", None),
    ("[labels]\na = 'x'", "PG204", 2, 5, "must be a selection", "a selection is a table"),
    ("[labels]\na = []", "PG204", 2, 5, "must be a selection", "a selection is a table"),
    ("[labels]\na = [{}]", "PG204", 2, 5, "must be a selection", "a selection is a table"),
    ("[alerts]\nname = 'a'", "PG204", 1, 2, "[[alerts]]", None),
    ("[[alerts]]\nname = 'a'", "PG204", 1, 3, "alerts[0] needs 'sink'", None),
    ("[[alerts]]\nname='a'\nsink='b'\nurl='ftp://x'", "PG204", 4, 5, "an http or https URL", None),
    (
        "[[alerts]]\nname='a'\nsink='b'\nmin_level='hihg'",
        "PG204",
        4,
        11,
        "one of informational, low, medium, high, critical",
        "did you mean 'high'?",
    ),
    ("[[alerts]]\nname='a'\nsink='b'\ntimeout_s=nan", "PG204", 4, 11, "from 0.1 to 300", None),
    (
        "[[alerts]]\nname='a'\nsink='b'\nsecret_file='f'\nsecret_env='E'",
        "PG204",
        5,
        12,
        "a file or a variable",
        None,
    ),
    (
        "[[alerts]]\nname='a'\nsink='b'\n[[alerts]]\nname='a'\nsink='b'",
        "PG204",
        5,
        6,
        "another alert is called 'a'",
        None,
    ),
    (
        "[labels]\nprod={name='x'}\n[[alerts]]\nname='a'\nsink='b'\nlabels=['prdo']",
        "PG204",
        6,
        9,
        "no label is called 'prdo'",
        "did you mean 'prod'?",
    ),
]


@pytest.mark.parametrize(
    ("text", "code", "line", "column", "words", "hint"),
    BROKEN,
    ids=[f"{number}: {row[4]}" for number, row in enumerate(BROKEN)],
)
def test_each_mistake_is_named_where_it_is(text, code, line, column, words, hint):
    with pytest.raises(ConfigError) as caught:
        parse(text, FILE)
    (problem,) = caught.value.problems
    assert (problem.code, problem.place.line, problem.place.column) == (code, line, column)
    assert words in problem.message
    assert hint is None or problem.hint.startswith(hint)
    assert problem.place.text == text.splitlines()[line - 1]


def test_all_mistakes_are_reported_at_once_in_the_order_of_the_file():
    text = (
        "[sensor]\nring_mb = 3\n[rules]\npaths = [1, 2]\n[redact]\npatterns = ['(']\n"
        "[labels]\nx = 1\n[[alerts]]\nsink = 1\n[nothing]"
    )
    with pytest.raises(ConfigError) as caught:
        parse(text, FILE)
    lines = [problem.place.line for problem in caught.value.problems]
    assert lines == [2, 4, 4, 6, 8, 9, 10, 11]


@pytest.mark.parametrize("depth", [300, 100_000])
def test_deep_nesting_is_a_mistake_and_no_crash(depth):
    with pytest.raises(ConfigError):
        parse(f"[labels]\nx = {'[' * depth}{']' * depth}", FILE)


def problem_of(path):
    with pytest.raises(ConfigError) as caught:
        load(path)
    (problem,) = caught.value.problems
    return problem


def test_a_named_file_must_be_there(tmp_path):
    problem = problem_of(tmp_path / "absent.toml")
    assert (problem.code, problem.place.path) == ("PG201", str(tmp_path / "absent.toml"))
    assert "No such file" in problem.message


def test_a_folder_or_an_endless_file_is_no_configuration(tmp_path):
    assert problem_of(tmp_path).code == "PG201"
    assert problem_of(Path("/dev/zero")).code == "PG201"


def test_text_that_is_not_utf8_is_named_where_it_begins(tmp_path):
    path = tmp_path / "x.toml"
    path.write_bytes(b"[store]\npath = '\xff'\n")
    problem = problem_of(path)
    assert (problem.code, problem.place.line, problem.place.column) == ("PG202", 2, 9)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is refused")
@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_root_reads_no_configuration_that_others_can_write(tmp_path, mode):
    path = tmp_path / "x.toml"
    path.touch()
    path.chmod(mode)
    assert problem_of(path).code == "PG205"
    path.chmod(0o644)
    load(path)


# What a schema cannot say: what several values are together, or what only their use shows.
BEYOND_SCHEMA = (
    "12 is not a power of two",
    "not a regular expression",
    "exponential time",
    "a file or a variable",
    "another alert is called 'a'",
    "no label is called 'prdo'",
    "from 0.1 to 300",  # JSON has no nan
)
IN_SCHEMA = [row for row in BROKEN if row[1] != "PG202" and row[4] not in BEYOND_SCHEMA]


@pytest.mark.parametrize("text", [row[0] for row in IN_SCHEMA], ids=[row[4] for row in IN_SCHEMA])
def test_an_editor_with_the_schema_sees_the_same_mistakes(text):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(tomllib.loads(text), config_schema())


def test_without_a_name_the_file_of_the_system_is_read_if_there_is_one(tmp_path, monkeypatch):
    system = tmp_path / "profguard.toml"
    monkeypatch.setattr(file, "SYSTEM_PATH", system)
    assert load() == Config()
    system.write_text("[sensor]\nring_mb = 16\n")
    assert load().sensor.ring_mb == 16
    assert load().source.path == str(system)
    system.unlink()
    system.mkdir()
    assert problem_of(None).code == "PG201"
