"""Rules that read other environment variables than before: what is then known of whom."""

import os
import shutil
import sys

import pytest

SLEEP = shutil.which("sleep")
OLD, NEW = {"OLD": "1"}, {"NEW": "2"}


@pytest.fixture
def table(make_table):
    return make_table(environ_names=frozenset(OLD))


def test_a_process_that_is_known_already_gets_what_is_new(table, raw, spawn):
    """The process that was handed out before stays as it was."""
    task = raw(spawn(SLEEP, "60", env=OLD | NEW).pid)
    before = table.lookup(task)
    table.collect(table.prepare(frozenset(OLD | NEW)))
    assert table.lookup(task).environ == OLD | NEW
    assert before.environ == OLD


def test_what_no_rule_reads_any_more_is_not_read(table, raw, spawn):
    table.collect(table.prepare(frozenset(NEW)))
    assert table.lookup(raw(spawn(SLEEP, "60", env=OLD | NEW).pid)).environ == NEW


def test_without_new_variables_nothing_is_read(table, make_table):
    """Fewer need no reading of processes, the same need nothing at all."""
    assert table.prepare(frozenset(OLD)) is None
    both = make_table(environ_names=frozenset(OLD | NEW))
    assert both.prepare(frozenset(OLD)).entries == []


def test_a_program_that_was_started_in_between_is_not_given_what_another_had(table, raw, spawn):
    """Between reading /proc and the swap a process may have become another program."""
    code = f"import os; input(); os.execve({SLEEP!r}, ['sleep', '60'], {OLD!r})"
    child = spawn(sys.executable, "-c", code, env=os.environ | OLD | NEW)
    prepared = table.prepare(frozenset(OLD | NEW))
    child.stdin.write("\n")
    child.stdin.flush()
    while os.readlink(f"/proc/{child.pid}/exe") != os.path.realpath(SLEEP):
        pass
    while not open(f"/proc/{child.pid}/environ", "rb").read():  # noqa: SIM115
        pass
    assert table.lookup(raw(child.pid)).environ == OLD
    table.collect(prepared)
    assert table.lookup(raw(child.pid)).environ == OLD


def test_what_is_known_of_the_dead_stays(table, raw, event, spawn):
    """Late events still name a process that has ended meanwhile."""
    child = spawn(SLEEP, "60", env=OLD)
    task = raw(child.pid)
    before = table.lookup(task)
    child.kill()
    child.wait()
    table.on_exit(task, 1)
    table.collect(table.prepare(frozenset(OLD | NEW)))
    assert table.lookup(task).as_dict() == before.as_dict()
