"""`profguard sessions`: what it lists, what it shows, and how mistakes are answered."""

import json
import sqlite3

import jsonschema
import pytest
from click.testing import CliRunner

from profguard import cli
from profguard.cli.sessions import group
from profguard.config import Config
from profguard.context.tools import Tools
from profguard.findings.schema import session_schema
from profguard.findings.store import Store
from profguard.findings.writer import Writer
from profguard.keeping import Keeping
from profguard.rules import pack
from profguard.sessions import Sessions
from tests.events import EPOCH_NS, MS, prof, ptrace, task

PERF = task(20, executable="/usr/bin/perf", inode=2**64 - 1)
GDB = task(30, executable="/usr/bin/gdb\x1b[2J", user_name="eve")
SHOP = task(10, executable="/srv/shop", labels=("production",))
NOW_NS = EPOCH_NS + 61_000 * MS


@pytest.fixture
def db(tmp_path, monkeypatch, make_finding, change):
    """A tracer that ended after 2 s, a profile of a process that runs, and one of all CPUs."""
    monkeypatch.setattr("time.time_ns", lambda: NOW_NS)
    path = tmp_path / "profguard.db"
    keeping = Keeping(
        Config(), pack.rule_set([]), Store(path), alerts=False, on_trouble=pytest.fail
    )
    keeping.begin_run(EPOCH_NS)
    station = Sessions(Tools().name)
    keeping.follow(station)
    for each in (
        ptrace("ATTACH", 0, GDB, SHOP),
        prof("enable ioctl", 1_000, [7], PERF, SHOP, relation="cross-uid"),
        ptrace("DETACH", 2_000, GDB, SHOP),
        prof("enable ioctl cpu_wide", 3_000, [8], PERF),
    ):
        station.feed(each)
    keeping.flush()
    (traced,) = [session.id for session in station.ended]
    keeping._writer.flush()
    writer = Writer(Store(path))
    writer.submit([change("opened", make_finding(1, session=traced))])
    writer.close()
    return path


def run(db, *arguments) -> str:
    result = CliRunner().invoke(group, [*arguments, "--db", str(db)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def listed(db, *arguments) -> list[dict]:
    return [json.loads(line) for line in run(db, *arguments, "--json").splitlines()]


def kinds(found) -> list[tuple[str, str]]:
    return [(*one["session"]["mechanisms"], one["session"]["scope"]) for one in found]


WIDE, PROFILE, TRACED = ("perf", "cpu-wide"), ("perf", "process"), ("ptrace", "process")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", [WIDE, PROFILE, TRACED]),
        ("--active", [WIDE, PROFILE]),
        ("--limit 1", [WIDE]),
        ("--mechanism ptrace", [TRACED]),
        ("--tool perf", [WIDE, PROFILE]),
        ("--tool unknown", [TRACED]),
        ("--pid 30", [TRACED]),
        ("--executable perf", [WIDE, PROFILE]),
        ("--target shop --active", [PROFILE]),
        ("--target 10", [PROFILE, TRACED]),
        ("--since 30s", [WIDE, PROFILE]),
        ("--since 59s", [WIDE, PROFILE, TRACED]),
        ("--until 60s", [PROFILE, TRACED]),
    ],
)
def test_list_chooses(db, options, expected):
    """A session that runs was seen since any time."""
    assert kinds(listed(db, "list", *options.split())) == expected


def test_active_alone_lists_what_runs(db):
    assert kinds(listed(db, "--active")) == [WIDE, PROFILE]
    lines = run(db, "--active").splitlines()
    assert [line.split()[-1] for line in lines] == ["target", "cpu-wide", "/srv/shop[10]"]
    assert "1 min 0 s" in lines[2]


def test_what_is_printed_is_as_the_schema_says(db):
    validator = jsonschema.Draft202012Validator(session_schema())
    found = listed(db, "list")
    for session in found:
        validator.validate(session)
    assert found[0]["process"]["inode"] == 2**64 - 1
    assert found[1]["target"]["labels"] == ["production"]
    assert (found[1]["relation"], found[1]["session"]["event_ids"]) == ("cross-uid", [7])
    assert found[2]["session"]["duration_ns"] == 2_000 * MS


def test_show_has_the_session_and_its_findings(db, make_finding):
    traced = listed(db, "list", "--mechanism", "ptrace")[0]["session"]["id"]
    text = run(db, "show", traced)
    assert "lasted       2 s" in text
    assert "/usr/bin/gdb\\x1b[2J[30]" in text
    assert make_finding(1).id in text
    shown = json.loads(run(db, "show", traced, "--json"))
    assert shown["findings"] == [make_finding(1).id]
    jsonschema.Draft202012Validator(session_schema()).validate(shown)
    other = listed(db, "--active")[0]["session"]["id"]
    assert "no rule objected to it" in run(db, "show", other)


def test_nothing_is_a_sentence(tmp_path):
    path = tmp_path / "empty.db"
    Store(path)
    assert run(path, "--active") == "nothing is running\n"
    assert run(path, "list") == "no sessions\n"
    assert listed(path, "list") == []


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["show", "ffffffff"], 2, "no session has an id that begins with 'ffffffff'"),
        (["show", "0"], 2, "3 sessions have an id that begins with '0'"),
        (["list", "--since", "then"], 2, "neither a time nor an age"),
        (["list", "--mechanism", "magic"], 2, "is not one of"),
        ([], 2, "say --active, or a command"),
        (["lst"], 2, "No such command"),
        (["--active", "list"], 2, "options belong after 'list'"),
    ],
)
def test_mistakes_are_answered(db, capsys, arguments, code, said):
    """With an exit code and a sentence, no traceback."""
    where = [] if arguments[:1] == ["--active"] else ["--db", str(db)]
    assert cli.execute(["sessions", *arguments, *where]) == code
    assert said in capsys.readouterr().err


def test_a_database_of_an_older_version_is_told(db, capsys):
    connection = sqlite3.connect(db)
    connection.execute("PRAGMA user_version = 3")
    connection.close()
    assert cli.execute(["sessions", "--active", "--db", str(db)]) == 5
    assert "older version" in capsys.readouterr().err
