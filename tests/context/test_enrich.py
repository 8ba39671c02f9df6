"""Events on their way from decode to match."""

import os

import pytest

from profguard.config import LabelDefinition
from profguard.context import Enricher, Labeler
from profguard.model import Event

OWN = os.readlink("/proc/self/exe")


@pytest.fixture
def enricher(table):
    return Enricher(table, Labeler(), "shop-1")


def test_an_event_gets_process_target_relation_and_host(enricher, raw, event, fork):
    actor, target = raw(os.getpid()), raw(fork())
    attach = event("ptrace", request="PTRACE_ATTACH", pid=target.pid, ret=0)
    assert enricher.enrich(attach, actor, target) is attach
    assert (attach.host, attach.relation) == ("shop-1", "child")
    assert (attach.process.pid, attach.target.pid) == (actor.pid, target.pid)
    assert attach.process.executable == attach.target.parent_executable == OWN


def test_the_life_of_a_short_process_is_followed_to_its_end(enricher, raw, event, fork):
    """It is gone before its first event is read, and still known at its last."""
    parent, child = raw(os.getpid()), raw(fork())
    os.kill(child.pid, 9)
    os.waitpid(child.pid, 0)
    forked = enricher.enrich(event("sched_process_fork", child_pid=child.pid), parent, child)
    assert (forked.target.executable, forked.relation) == (OWN, "child")
    child.comm = "perf"
    program = {"pathname": "/usr/bin/perf", "argv": ("perf", "stat"), "inode": 7}
    executed = enricher.enrich(event("sched_process_exec", **program), child, None)
    assert (executed.process.executable, executed.relation) == ("/usr/bin/perf", None)
    assert executed.process.command_line == "perf stat"
    ended = enricher.enrich(event("sched_process_exit", exit_code=0), child, None)
    late = enricher.enrich(event("ptrace", request="PTRACE_DETACH"), child, parent)
    assert ended.process.executable == late.process.executable == "/usr/bin/perf"
    assert late.relation == "parent"


@pytest.mark.parametrize(
    ("name", "args", "expected"),
    [
        ("prof", {"flags": 1 << 14}, "cpu-wide"),
        ("prof", {"flags": 1 << 14 | 1 << 17}, "cgroup"),
        ("prof", {"flags": 1}, None),
        ("perf", {"pid": -1, "open_flags": ()}, "cpu-wide"),
        ("perf", {"pid": 5, "open_flags": ("pid_cgroup",)}, "cgroup"),
        ("perf", {"pid": 5, "open_flags": None}, None),
        ("perf_ioctl", {}, None),
        ("bpf_prog_load", {"prog_type": "kprobe"}, "cpu-wide"),
        ("bpf_prog_load", {"prog_type": "cgroup_skb"}, None),
        ("bpf_attach", {"prog_type": "raw_tracepoint"}, "cpu-wide"),
        ("bpf_attach", {"prog_type": "perf_event", "scope": "cgroup"}, "cgroup"),
        ("tracefs_write", {"mode": "write"}, "cpu-wide"),
        ("bpf_attach", {"prog_type": "lsm"}, None),
        ("uprobe_attach", {"scope": "cpu"}, "cpu-wide"),
        ("uprobe_attach", {"scope": "cgroup"}, "cgroup"),
        ("uprobe_attach", {"scope": None}, None),
        ("kprobe_attach", {"scope": "cpu"}, "cpu-wide"),
    ],
)
def test_an_event_without_a_target_is_about_a_cpu_or_a_cgroup(
    enricher, raw, event, name, args, expected
):
    enriched = enricher.enrich(event(name, **args), raw(os.getpid()), None)
    assert (enriched.target, enriched.relation) == (None, expected)


def test_an_event_of_the_sensor_itself_has_a_host_and_no_process(enricher, event):
    status = enricher.enrich(event("sensor_status", state="armed"), None, None)
    assert (status.host, status.process, status.relation) == ("shop-1", None, None)


@pytest.mark.parametrize(
    ("lost", "believed"),
    [("sched_process_exec", False), ("sched_process_fork", False), ("perf", True)],
)
def test_a_lost_exec_or_fork_makes_what_is_known_doubtful(
    enricher, raw, event, fork, lost, believed
):
    child = raw(fork())
    program = {"pathname": "/usr/bin/perf", "argv": ("perf",), "inode": 7}
    enricher.enrich(event("sched_process_exec", **program), child, None)
    enricher.enrich(event("lost_events", event=lost, cpu=0, count=1, total=1), None, None)
    after = enricher.enrich(event("setitimer"), child, None)
    assert after.process.executable == ("/usr/bin/perf" if believed else OWN)


def recorded():
    return Event.from_dict(
        {
            "event": {"name": "ptrace"},
            "process": {"pid": 1, "executable": "/usr/bin/gdb", "labels": ["old"]},
            "target": {"pid": 2, "executable": "/srv/shop", "labels": ["old"]},
        }
    )


def test_a_replayed_event_keeps_its_labels_if_the_configuration_has_none(enricher):
    event = enricher.relabel(recorded())
    assert (event.process.labels, event.target.labels) == (("old",), ("old",))


def test_a_replayed_event_gets_the_labels_of_the_configuration(table):
    labeler = Labeler([LabelDefinition("debugger", {"executable|endswith": "/gdb"})])
    event = Enricher(table, labeler, "shop-1").relabel(recorded())
    assert (event.process.labels, event.target.labels) == (("debugger",), ())
