"""What holds for every command: help, errors, exit codes, and text that cannot abuse a terminal."""

import fcntl
import io
import json
import os
import re
import signal
import struct
import subprocess
import sys
import termios
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profguard.cli import COMMANDS, cli, output
from profguard.cli.logs import configure
from profguard.errors import EXIT_CODES
from profguard.events import BY_NAME

PROFGUARD = [sys.executable, "-m", "profguard"]
SLOW = {"rich", "jsonschema", "httpx2", "structlog", "sqlite3", "msgspec", "yaml", "jinja2"}
HOSTILE = "\x1b]0;owned\x07\x9b31m\u202e\udc80"


def profguard(*arguments, **kwargs):
    """Run the command as a user does."""
    return subprocess.run(
        [*PROFGUARD, *arguments], capture_output=True, text=True, timeout=30, **kwargs
    )


def every_command():
    """(path, command) of the whole tree."""
    ctx = cli.make_context("profguard", ["events"], resilient_parsing=True)
    pending = [((name,), cli.get_command(ctx, name)) for name in cli.list_commands(ctx)]
    while pending:
        path, command = pending.pop()
        yield path, command
        pending += [((*path, name), sub) for name, sub in getattr(command, "commands", {}).items()]


def test_help_loads_nothing_slow():
    script = (
        "import sys; from profguard.cli import execute\n"
        "assert execute(['--help']) == 0\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    loaded = {name.partition(".")[0] for name in done.stderr.split()}
    assert "click" in loaded
    assert not loaded & SLOW
    assert all(name in done.stdout for name in COMMANDS)


def test_help_documents_every_exit_code():
    text = " ".join(profguard("--help").stdout.split())
    assert all(f"{code} {meaning}" in text for code, meaning in EXIT_CODES.items())


@pytest.mark.parametrize(
    ("path", "command"), [pytest.param(*each, id=" ".join(each[0])) for each in every_command()]
)
def test_every_command_has_help_with_an_example(path, command):
    help = command.get_help(command.make_context(" ".join(path), [], resilient_parsing=True))
    if hasattr(command, "commands"):
        return
    examples = re.split("Examples?:", help)[1:]
    assert any(f"profguard {' '.join(path)}" in text for text in examples), help


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["evnts"], "Did you mean 'events'?"),
        (["events", "--jsno"], "Did you mean '--json'?"),
        (["events", "prfo"], "hint: did you mean 'prof'?  (PG701)"),
    ],
)
def test_a_wrong_command_line_names_the_nearest_right_one(arguments, hint):
    done = profguard(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert hint in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["events", "prfo", "--json"], "PG701"), (["events", "--json", "--colour"], "PG702")],
)
def test_with_json_an_error_is_one_object_on_stderr(arguments, code):
    done = profguard(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    problem = json.loads(done.stderr)
    assert (problem["type"], problem["code"], problem["severity"]) == ("error", code, "error")


def test_a_reader_that_leaves_early_is_no_error():
    """128 + SIGPIPE, and not a word."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([*PROFGUARD, "events", "--json"], stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


def test_ctrl_c_is_no_traceback(tmp_path):
    """Exit code 130, from a command that was waiting for more on stdin."""
    rule = tmp_path / "rule.yml"
    rule.write_text(BY_NAME["ptrace"].example)
    command = [*PROFGUARD, "rules", "explain", str(rule), "--event", "-"]
    pipe, deadline = subprocess.PIPE, time.monotonic() + 10
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as waiting:
        waiting.stdin.write(b" ")
        waiting.stdin.flush()
        while struct.unpack("i", fcntl.ioctl(waiting.stdin, termios.FIONREAD, b"\0" * 4))[0]:
            assert waiting.poll() is None, waiting.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        waiting.send_signal(signal.SIGINT)
        assert waiting.wait(10) == 130
        assert waiting.stderr.read() == b""


@pytest.mark.parametrize("options", [[], ["--json"]], ids=["text", "json"])
def test_hostile_names_are_shown_escaped(options):
    done = profguard("events", HOSTILE, *options)
    assert done.returncode == 2
    assert "owned" in done.stderr
    assert all(line.isprintable() for line in done.stderr.splitlines())


@given(st.text(), st.lists(st.lists(st.text(), min_size=2, max_size=2), max_size=3))
def test_nothing_that_is_printed_can_drive_a_terminal(text, rows):
    seen = io.StringIO()
    stdout, sys.stdout = sys.stdout, seen
    try:
        output.say(text)
        output.emit({"name": text})
        output.table(("name", "value"), rows)
    finally:
        sys.stdout = stdout
    assert seen.getvalue().replace("\n", "").isprintable()


def test_a_table_in_a_pipe_has_one_line_a_row(capsys):
    output.table(("name", "value"), [("long", "x" * 500), ("broken", "a\nb"), ("none", None)])
    assert capsys.readouterr().out.splitlines() == [
        "name    value",
        f"long    {'x' * 500}",
        r"broken  a\nb",
        "none    -",
    ]


def test_logs_go_to_stderr_and_are_escaped(capsys, monkeypatch):
    """Text for people, JSON where the output is JSON; tracebacks keep their lines."""
    structlog = pytest.importorskip("structlog")
    try:
        for arguments in (["profguard"], ["profguard", "--json"]):
            monkeypatch.setattr(sys, "argv", arguments)
            configure()
            structlog.get_logger().warning("profile seen", comm=HOSTILE, argv=[HOSTILE])
        try:
            raise ValueError(HOSTILE)
        except ValueError:
            structlog.get_logger().exception("failed")
    finally:
        structlog.reset_defaults()
    out, err = capsys.readouterr()
    assert out == ""
    assert all(line.isprintable() for line in err.splitlines())
    lines = err.splitlines()
    assert "profile seen" in lines[0]
    assert json.loads(lines[1])["event"] == "profile seen"
    assert "ValueError" in json.loads(lines[2])["exception"]
