"""`profguard findings except`: an exception from a finding, by the real commands."""

import json
import subprocess
import sys

import pytest
import yaml

from profguard.findings.store import Store
from profguard.findings.writer import Writer
from profguard.resources import folder

DEMO = folder("captures") / "demo.jsonl"


@pytest.fixture
def cli(tmp_path):
    """A function that runs the program in a folder that has the findings of the demo."""

    def run(*arguments, code=0):
        done = subprocess.run(
            [sys.executable, "-m", "profguard", *map(str, arguments)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    run("replay", DEMO, "--db", "f.db")
    return run


@pytest.fixture
def traced(cli):
    """The id of the finding about strace."""
    found = map(json.loads, cli("findings", "list", "--db", "f.db", "--json").splitlines())
    [one] = [f["finding"]["id"] for f in found if f["event"]["name"] == "ptrace"]
    return one


def test_an_exception_silences_its_finding_and_no_other(cli, traced, tmp_path):
    """Filter and case are written, checked, and linted without a complaint about them."""
    (tmp_path / "rules").mkdir(mode=0o755)
    said = cli(
        *("findings", "except", traced, "--db", "f.db", "-o", "rules"),
        *("--reason", "the shop's nightly trace", "--owner", "shop", "--expires", "2099-12-31"),
    )
    assert "2 cases passed" in said
    [path] = (tmp_path / "rules").iterdir()
    document = yaml.safe_load(path.read_text())
    assert document["profguard"] == {
        "owner": "shop",
        "reason": "the shop's nightly trace",
        "expires": "2099-12-31",
    }
    assert document["filter"]["selection"]["target.unit"] == "shop.service"
    assert "process.unit" not in document["filter"]["selection"]  # a scope of a login session
    assert "1 finding." in cli("replay", DEMO, "--rules", "shipped", "--rules", "rules")
    linted = cli("rules", "lint", "rules", folder("rules"), "--cases", "tests/rules")
    assert path.name not in linted


def test_without_a_folder_both_are_printed(cli, traced):
    printed = cli("findings", "except", traced, "--db", "f.db", "--reason", "x", "--json")
    made = json.loads(printed)
    assert yaml.safe_load(made["filter"])["filter"]["condition"] == "not selection"
    assert yaml.safe_load(made["cases"])["rule"] == made["name"]
    text = cli("findings", "except", traced, "--db", "f.db", "--reason", "x")
    assert made["cases"].strip() in text


def test_what_stands_there_is_not_overwritten(cli, traced):
    arguments = ("findings", "except", traced, "--db", "f.db", "-o", "rules", "--reason", "x")
    cli(*arguments)
    assert "exists already" in cli(*arguments, code=2)


def test_no_exception_without_a_reason(cli, traced):
    assert "--reason" in cli("findings", "except", traced, "--db", "f.db", code=2)


def test_names_that_a_process_chose_are_plain_text(cli, make_finding, change, tmp_path):
    """Wildcards, quotes and line breaks in a path excuse this path and nothing else."""
    finding = make_finding()
    finding.rules = ["1e2d6053-8646-403a-a4e0-e27dd142bb68"]
    finding.event["request"], finding.event["ret"] = "PTRACE_ATTACH", 0
    finding.event.process.executable = "/tmp/*?\\'\"\n- x: {}"
    finding.event.target.labels = ("production",)
    writer = Writer(Store(tmp_path / "hostile.db"))
    writer.submit([change("opened", finding)])
    writer.close()
    arguments = ("findings", "except", finding.id, "--db", "hostile.db", "--reason", "x")
    made = json.loads(cli(*arguments, "--json"))
    selection = yaml.safe_load(made["filter"])["filter"]["selection"]
    assert selection["process.executable"] == "/tmp/\\*\\?\\\\'\"\n- x: {}"
    assert "2 cases passed" in cli(*arguments, "-o", "rules")


def test_an_actor_that_is_not_known_is_excused_by_hand(cli, make_finding, change, tmp_path):
    finding = make_finding()
    finding.rules = ["1e2d6053-8646-403a-a4e0-e27dd142bb68"]
    finding.event.process.executable = None
    writer = Writer(Store(tmp_path / "unknown.db"))
    writer.submit([change("opened", finding)])
    writer.close()
    said = cli(*("findings", "except", finding.id, "--db", "unknown.db", "--reason", "x"), code=2)
    assert "not known" in said
    assert "by hand" in said
