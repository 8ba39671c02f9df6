import csv
import io
import json

import jsonschema
import pytest
from click.testing import CliRunner

from profguard.cli.findings import group
from profguard.errors import ProfguardError
from profguard.findings.schema import finding_schema
from profguard.findings.store import Store
from profguard.findings.writer import Writer

HOUR_NS = 3600 * 10**9


@pytest.fixture
def findings(make_finding):
    """A debugger's, a graver one of another rule, one without target, a hostile one."""
    debugger, grave, wide, hostile = (make_finding(number) for number in range(4))
    grave.rule_id, grave.rule_title, grave.level = "mem-read", "Memory read", "critical"
    grave.rules = ["mem-read", "ptrace-attach"]
    grave.event.process.executable = "/opt/tools/py-spy"
    grave.event.target.labels = ("staging",)
    grave.ended_ns, grave.duration_ns = grave.started_ns + HOUR_NS, HOUR_NS
    grave.last_seen_ns += HOUR_NS
    grave.count = 538
    wide.level, wide.event.target = "low", None
    wide.event.process.labels = ("approved",)
    hostile.level = "medium"
    hostile.event.process.executable = "=cmd()\x1b[2J[red]\n'"
    hostile.event.process.inode = 2**64 - 1
    hostile.message = "\x1b]0;owned\x07 [bold]not bold[/bold]"
    return debugger, grave, wide, hostile


@pytest.fixture
def db(tmp_path, findings, change):
    store = Store(tmp_path / "profguard.db")
    writer = Writer(store)
    writer.submit([change("opened", finding) for finding in findings])
    writer.submit([change("ended", findings[1], findings[1].event)])
    assert writer.flush()
    writer.close()
    return store.path


def run(db, *arguments):
    result = CliRunner().invoke(group, [*map(str, arguments), "--db", str(db)])
    if isinstance(result.exception, ProfguardError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def test_what_is_stored_is_what_was_found(db, findings):
    """Every finding comes out as it went in, and as the schema says."""
    printed = [json.loads(line) for line in run(db, "export").splitlines()]
    wanted = [findings[1], findings[3], findings[2], findings[0]]  # the latest first
    assert printed == json.loads(json.dumps([finding.as_dict() for finding in wanted]))
    assert printed == json.loads(run(db, "list", "--format", "json"))
    validator = jsonschema.Draft202012Validator(finding_schema())
    for finding in printed:
        validator.validate(finding)


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        ("", [1, 3, 2, 0]),
        ("--limit 2", [1, 3]),
        ("--level high", [1, 0]),
        ("--level critical", [1]),
        ("--rule mem-read", [1]),
        ("--rule MEMORY\tREAD", [1]),
        ("--rule ptrace-attach", [1, 3, 2, 0]),
        ("--pid 1002", [2]),
        ("--pid 42", [1, 3, 0]),
        ("--executable gdb", [2, 0]),
        ("--executable /usr/bin/gdb", [2, 0]),
        ("--executable bin/gdb", [2, 0]),
        ("--executable db", []),
        ("--executable shop", [1, 3, 0]),
        ("--executable %", []),
        ("--target 42", [1, 3, 0]),
        ("--target /srv/shop", [1, 3, 0]),
        ("--target gdb", []),
        ("--label staging", [1]),
        ("--label approved", [2]),
        ("--label ' OR 1 --", []),
        ("--since 2027-01-15T08:00:02Z", [1, 3, 2]),
        ("--until 2027-01-15T08:00:02Z", [2, 0]),
        ("--since 2027-01-15T09:00:00+01:00 --until 2027-01-15T08:00:01Z", [0]),
        ("--since 1h --until 1d", []),
        ("--since 999999999w", [1, 3, 2, 0]),
        ("--until 9999-12-31", [1, 3, 2, 0]),
        ("--since 2027-01-16", []),
        ("--level low --executable gdb --label production", [0]),
    ],
)
def test_filters(db, findings, options, numbers):
    arguments = [part.replace("\t", " ") for part in options.split(" ") if part]
    if "' OR" in options:
        arguments = ["--label", "' OR 1 --"]
    printed = [
        json.loads(line)["finding"]["id"]
        for line in run(db, "list", "--json", *arguments).splitlines()
    ]
    assert printed == [findings[number].id for number in numbers]


def test_the_table_shows_hostile_names_harmlessly(db):
    out = run(db, "list")
    assert out.isprintable() or set(filter(lambda c: not c.isprintable(), out)) == {"\n"}
    assert "=cmd()\\x1b[2J[red]\\n'[1003]" in out
    shown = run(db, "show", "0197a5c0-0000-7000-8000-000000000003")
    assert "\x1b" not in shown
    assert "\\x1b]0;owned\\x07 [bold]not bold[/bold]" in shown


def test_csv_has_no_formulas_and_no_control_characters(db):
    rows = list(csv.DictReader(io.StringIO(run(db, "export", "--format", "csv"))))
    assert [row["level"] for row in rows] == ["critical", "medium", "low", "high"]
    assert rows[1]["actor_executable"] == "'=cmd()\\x1b[2J[red]\\n'"


def test_show_tells_the_whole_story(db, findings):
    out = run(db, "show", findings[1].id.upper())
    for text in (
        "Memory read (mem-read)",
        "also matched ptrace-attach",
        "538 matches",
        "3600.000 s",
    ):
        assert text in out
    whole = json.loads(run(db, "show", findings[1].id, "--json"))
    assert whole.pop("evidence") == [findings[1].event.as_dict()] * 2
    assert whole == json.loads(json.dumps(findings[1].as_dict()))


@pytest.mark.parametrize(
    ("arguments", "code", "hint"),
    [
        (["show", "0197a5c0"], "PG405", "write more of it"),
        (["show", "0197a5c0-0000-7000-8000-000000000009"], "PG405", "did you mean"),
        (["show", "%' OR 1"], "PG405", "findings list"),
        (["list", "--rule", "ptrace-atach"], "PG701", "did you mean 'ptrace-attach'?"),
    ],
)
def test_unknown_names_get_a_hint(db, arguments, code, hint):
    with pytest.raises(ProfguardError) as caught:
        run(db, *arguments)
    [problem] = caught.value.problems
    assert (problem.code, caught.value.exit_code) == (code, 2)
    assert hint in problem.hint


def test_stats(db):
    totals = json.loads(run(db, "stats", "--json"))
    assert (totals["findings"], totals["matches"]) == (4, 541)
    assert totals["by_level"][0] == {"level": "critical", "findings": 1, "matches": 538}
    assert totals["by_target"][1] == {"target": None, "findings": 1, "matches": 1}
    assert totals["by_day"] == [{"day": "2027-01-15", "findings": 4, "matches": 541}]
    out = run(db, "stats", "--level", "high")
    assert out.startswith("2 findings, 539 matches\n")
    assert "/opt/tools/py-spy" in out


@pytest.mark.parametrize("value", ["yesterday", "10", "2027-13-01", "99999999999d"])
def test_a_time_that_is_none_is_refused(db, value):
    result = CliRunner().invoke(group, ["list", "--since", value, "--db", str(db)])
    assert result.exit_code == 2
    assert "neither a time nor an age" in result.stderr


def test_an_empty_database_is_no_error(tmp_path):
    path = Store(tmp_path / "profguard.db").path
    assert run(path, "list") == "no findings\n"
    assert run(path, "list", "--json") == ""
    assert json.loads(run(path, "export", "--format", "json")) == []
    assert run(path, "stats").startswith("0 findings, 0 matches")


def test_a_page_that_is_damaged_is_named(db):
    """Damage that shows only when the rows are read is reported like any other."""
    data = bytearray(db.read_bytes())
    data[4096 * 2 :] = b"\xff" * (len(data) - 4096 * 2)
    db.write_bytes(data)
    with pytest.raises(ProfguardError) as caught:
        run(db, "list")
    assert caught.value.problems[0].code == "PG402"
