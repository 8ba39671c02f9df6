"""Whether a variable that a program is started with is new: who had it before."""

import os
import subprocess

import pytest

from profguard.context import Enricher, Labeler

PRELOAD = {"variable": "LD_PRELOAD", "value": "/usr/lib/libours.so"}
LONG = {"variable": "JAVA_TOOL_OPTIONS", "value": "-D" + "x" * 300}


@pytest.fixture
def enricher(table):
    return Enricher(table, Labeler(), "shop-1")


@pytest.fixture
def execute(enricher, event):
    """Let a task execute a program with variables; gives what is said to be inherited of each."""

    def execute(task, *variables):
        args = {"pathname": "/usr/bin/true", "argv": ("true",), "inode": 7}
        enricher.enrich(event("sched_process_exec", **args), task, None)
        told = [enricher.enrich(event("profiler_env", **each), task, task) for each in variables]
        assert all(each.process.executable == "/usr/bin/true" for each in told)
        return [each["inherited"] for each in told]

    return execute


def test_what_a_program_is_given_first_is_new_and_then_inherited(
    execute, enricher, raw, event, fork
):
    """By the next program of the process, and by its children; another value is new again."""
    child = raw(fork())
    assert execute(child, PRELOAD) == [False]
    assert execute(child, PRELOAD) == [True]
    assert execute(child, PRELOAD | {"value": "/tmp/x.so"}) == [False]
    grandchild = raw(fork(), ppid=child.pid, parent_start_ns=child.start_ns)
    enricher.enrich(event("sched_process_fork", child_pid=grandchild.pid), child, grandchild)
    assert execute(grandchild, PRELOAD, PRELOAD | {"value": "/tmp/x.so"}) == [False, True]


def test_a_program_that_was_started_without_it_passes_nothing_on(execute, raw, fork):
    child = raw(fork())
    assert execute(child, PRELOAD) == [False]
    assert execute(child) == []
    assert execute(child, PRELOAD) == [False]


@pytest.fixture
def parent():
    """A process that ran before the sensor, with variables of both kinds."""
    environ = {each["variable"]: each["value"] for each in (PRELOAD, LONG)} | {"LD_PRELOAD": "a.so"}
    process = subprocess.Popen(["sleep", "60"], env=environ, stderr=subprocess.DEVNULL)
    yield process
    process.kill()
    process.wait()


def test_a_parent_of_before_the_sensor_is_asked_in_proc(execute, raw, fork, parent):
    """Values are compared as far as an event has them."""
    above = raw(parent.pid)
    child = raw(fork(), ppid=parent.pid, parent_start_ns=above.start_ns)
    cut = LONG | {"value": LONG["value"][:255]}
    assert execute(child, PRELOAD | {"value": "a.so"}, cut, PRELOAD) == [True, True, False]


def test_where_nothing_is_known_of_either_nothing_is_said(execute, raw, fork):
    child = raw(fork(), ppid=2**22 + 7, parent_start_ns=1)
    assert execute(child, PRELOAD) == [None]


def test_without_its_exec_nothing_is_said(enricher, raw, event):
    """It was lost: this may be a variable of a program that is not known."""
    own = raw(os.getpid())
    assert enricher.enrich(event("profiler_env", **PRELOAD), own, own)["inherited"] is None


def test_a_library_gets_its_agent(enricher, raw, event):
    own = raw(os.getpid())
    loaded = event("shared_object_loaded", file_name="libjdwp.so")
    assert enricher.enrich(loaded, own, own)["agent"] == "jdwp"
    assert loaded.relation == "self"


@pytest.mark.parametrize(("file_name", "agent"), [("libjdwp.so", "jdwp"), ("libc.so.6", None)])
def test_a_library_that_another_sensor_told_of_gets_it_too(enricher, event, file_name, agent):
    """Tracee tells of all libraries, and knows none of them."""
    loaded = event("shared_object_loaded", file_name=file_name)
    loaded.origin = {"eventName": "shared_object_loaded"}
    assert enricher.relabel(loaded)["agent"] == agent
