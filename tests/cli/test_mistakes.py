"""Mistakes of users, end to end: the documented exit code, a sentence, a hint, and no traceback."""

import json
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from profguard.cli import execute
from profguard.errors import CODES, EXIT_CODES
from tests.events import event, task

PROFGUARD = Path(sys.executable).with_name("profguard")

RULE = """\
title: Frequency
logsource: {product: linux, service: profguard, category: perf}
detection:
  selection:
    perf.sample_freq|gt: 99
  condition: selection
"""
FIELD = "    perf.sample_freq|gt: 99\n"

FILES = {
    "good.yml": RULE,
    "broken.yml": RULE + "  bad: [unclosed\n",
    "field.yml": RULE.replace("sample_freq", "sample_freek"),
    "modifier.yml": RULE.replace("|gt", "|gtt"),
    "duplicate.yml": RULE.replace(FIELD, FIELD * 2),
    "category.yml": RULE.replace("category: perf", "category: perv"),
    "condition.yml": RULE.replace("condition: selection", "condition: selektion"),
    "value.yml": RULE.replace("99", "many"),
    "broken.toml": "[store\npath = 1\n",
    "key.toml": '[store]\npaht = "x"\n',
    "type.toml": '[store]\nretention_days = "x"\n',
    "label.toml": '[labels]\nproduction = {"executabel" = "x"}\n',
    "alert.toml": '[[alerts]]\nname = "a"\nsink = "weebhook"\n',
    "text.db": "this is no database, though it is long enough to be one\n" * 100,
    "cut.jsonl": '{"type":"capture","version":1}\n{"type":"ev',
    "good.jsonl": json.dumps(event("setitimer", 1, task(1)).as_dict()) + "\n",
}

# The command line; exit code; code; how the sentence begins; the hint.
MISTAKES = [
    ("replay good.jsonl --rules broken.yml", 3, "PG101", "broken.yml:8:1: while parsing", None),
    (
        "replay good.jsonl --rules duplicate.yml",
        3,
        "PG102",
        "duplicate.yml:6:5: key 'perf.sample_freq|gt' is already set on line 5",
        None,
    ),
    (
        "replay good.jsonl --rules field.yml",
        3,
        "PG103",
        "field.yml:5:5: unknown field 'perf.sample_freek' of event perf",
        "did you mean 'perf.sample_freq'?",
    ),
    (
        "replay good.jsonl --rules modifier.yml",
        3,
        "PG104",
        "modifier.yml:5:5: unknown modifier 'gtt'",
        "did you mean 'gt'?",
    ),
    (
        "replay good.jsonl --rules condition.yml",
        3,
        "PG107",
        "condition.yml:6:14: ",
        "did you mean 'selection'?",
    ),
    (
        "replay good.jsonl --rules category.yml",
        3,
        "PG109",
        "category.yml:2:59: unknown event category 'perv'",
        "did you mean 'perf'?",
    ),
    ("replay good.jsonl --rules value.yml", 3, "PG105", "value.yml:5:26: ", "write numbers"),
    ("replay good.jsonl --rules missing.yml", 3, "PG116", "missing.yml: no such file", None),
    ("replay good.jsonl --config missing.toml", 3, "PG201", "missing.toml: ", "--config names"),
    ("replay good.jsonl --config broken.toml", 3, "PG202", "broken.toml:1:7: ", None),
    (
        "replay good.jsonl --config key.toml",
        3,
        "PG203",
        "key.toml:2:1: unknown key 'store.paht'",
        "did you mean 'path'?",
    ),
    (
        "replay good.jsonl --config type.toml",
        3,
        "PG204",
        "type.toml:2:18: store.retention_days must be a whole number from 0 to 36500, not 'x'",
        None,
    ),
    (
        "replay good.jsonl --config label.toml",
        3,
        "PG103",
        "label.toml:2:15: unknown field 'executabel'",
        "did you mean 'executable'?",
    ),
    ("config check alert.toml", 3, "PG602", "alert.toml:3:1: ", "did you mean 'webhook'?"),
    ("findings list --db text.db", 5, "PG402", "text.db: file is not a database", "move it away"),
    ("findings list --db other.db", 5, "PG401", "other.db is a database of another", "--db names"),
    ("findings list --db missing.db", 5, "PG401", "there is no database missing.db", "--db names"),
    ("replay good.jsonl --db text.db", 5, "PG402", "text.db: file is not a database", "move it"),
    ("replay good.jsonl --db other.db", 5, "PG401", "other.db is a database of another", "--db"),
    ("replay good.jsonl --db .", 5, "PG401", ".: ", "is this a database"),
    ("replay missing.jsonl", 6, "PG501", "missing.jsonl: No such file", "`profguard record`"),
    ("replay .", 6, "PG501", ".: Is a directory", "`profguard record`"),
    ("replay cut.jsonl", 6, "PG503", "cut.jsonl:2: the capture ends in the middle", "interrupted"),
    ("replay good.yml", 6, "PG502", "good.yml:1:1: not JSON", "`profguard record`"),
    ("record -o x.jsonl prfo", 2, "PG701", "no event is called 'prfo'", "did you mean 'prof'?"),
    ("events prfo", 2, "PG701", "no event is called 'prfo'", "did you mean 'prof'?"),
    ("rules explain mising", 2, "PG701", "no rule is called 'mising'", None),
    ("replay", 2, "PG702", "Missing argument 'FILE'", None),
    ("replya x", 2, "PG702", "No such command 'replya'", "Did you mean"),
    ("replay --evnts x", 2, "PG702", "No such option '--evnts'", "Did you mean"),
    ("record", 2, "PG702", "Missing option '-o'", None),
    ("record -o x.jsonl --for soon", 2, "PG702", "Invalid value for '--for': 'soon'", None),
    ("record -o x.jsonl --for -1", 2, "PG702", "Invalid value for '--for': -1.0", None),
    ("run --tier magic", 2, "PG702", "Invalid value for '--tier': 'magic'", None),
]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of good and bad files, which is where the commands run."""
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    with sqlite3.connect("other.db") as connection:
        connection.execute("CREATE TABLE songs (name TEXT)")
    connection.close()
    return tmp_path


def what_is_there(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake[0])
def test_a_mistake_is_told_in_a_sentence(mistake, folder, capsys):
    """On stderr, with its place and code; nothing is shown, made or changed."""
    command, exit_code, code, sentence, hint = mistake
    before = what_is_there(folder)
    assert execute(command.split()) == exit_code
    out, err = capsys.readouterr()
    told = err if code != "PG702" else err.partition("Error: ")[2]
    assert told.startswith(sentence)
    assert code in err or code == "PG702"
    assert hint is None or hint in err
    assert not out.strip()
    assert what_is_there(folder) == before


WITH_JSON = [mistake for mistake in MISTAKES if not mistake[0].startswith("record")]


@pytest.mark.parametrize("mistake", WITH_JSON, ids=lambda mistake: mistake[0])
def test_with_json_a_mistake_is_one_object_on_stderr(mistake, folder, capsys):
    command, exit_code, code, sentence, hint = mistake
    assert execute([*command.split(), "--json"]) == exit_code
    out, err = capsys.readouterr()
    problem = json.loads(err)
    assert (problem["type"], problem["code"], out) == ("error", code, "")
    place = ":".join(str(problem[key]) for key in ("path", "line", "column") if problem[key])
    assert (f"{place}: {problem['message']}" if place else problem["message"]).startswith(sentence)
    assert hint is None or hint in f"{problem['hint']} {problem['message']}"


def test_the_mistakes_are_of_every_exit_code_and_every_kind():
    assert {mistake[1] for mistake in MISTAKES} == EXIT_CODES.keys() - {0, 1, 4, 130}
    assert {mistake[2] for mistake in MISTAKES} <= CODES.keys()
    assert {mistake[2][:3] for mistake in MISTAKES} == {
        "PG1",
        "PG2",
        "PG4",
        "PG5",
        "PG6",
        "PG7",
    }


def run(*command, through=(), **options) -> subprocess.CompletedProcess:
    """The program as it is installed, in a process of its own."""
    done = subprocess.run(
        [*through, PROFGUARD, *command], capture_output=True, text=True, timeout=30, **options
    )
    assert "Traceback" not in done.stderr
    return done


@pytest.mark.parametrize(
    ("command", "exit_code"),
    [
        ("replay good.jsonl --rules field.yml", 3),
        ("findings list --db text.db", 5),
        ("replay cut.jsonl", 6),
        ("replay -", 6),  # of a closed stdin
    ],
)
def test_the_process_ends_with_that_code(command, exit_code, folder):
    closed = {"preexec_fn": lambda: os.close(0)} if command.endswith("-") else {}
    done = run(*command.split(), **closed)
    assert done.returncode == exit_code
    assert re.search(r"\(PG\d{3}\)$", done.stderr.strip())


# Root's own files, but none of root's powers.
POWERLESS = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []


@pytest.mark.parametrize("command", ["run --db x.db", "record -o x.jsonl", "run --json --db x.db"])
def test_without_rights_it_says_which(command, folder):
    before = what_is_there(folder)
    done = run(*command.split(), through=POWERLESS)
    assert (done.returncode, done.stdout) == (4, "")
    assert "CAP_BPF" in done.stderr
    assert "PG301" in done.stderr
    assert what_is_there(folder) == before


@pytest.mark.parametrize(
    ("command", "exit_code", "code"),
    [
        ("replay secret", 6, "PG501"),
        ("replay good.jsonl --rules secret", 3, "PG116"),
        ("replay good.jsonl --config secret", 3, "PG201"),
        ("findings list --db secret", 5, "PG401"),
        ("replay good.jsonl --db secret", 5, "PG404"),
    ],
)
def test_what_may_not_be_read(command, exit_code, code, folder):
    (folder / "secret").touch(mode=0)
    done = run(*command.split(), through=POWERLESS)
    assert done.returncode == exit_code, done.stderr
    assert "secret" in done.stderr
    assert code in done.stderr
