"""What rules have a use for: enough for every match, and no more where that can be told."""

import pytest

from profguard.rules.pack import load
from profguard.wanted import EVERYTHING, PROCESSES, Wanted
from tests.rule_texts import detection


def wanted(tmp_path, *texts: str) -> Wanted:
    (tmp_path / "rules.yml").write_text("".join(texts))
    return load([tmp_path]).wanted


SET_BPF = detection("bpf", "perf_ioctl", "perf_ioctl.cmd: SET_BPF")
FILTER = detection("filter", "perf_ioctl", "perf_ioctl.cmd: SET_FILTER, process.pid|gt: 5")
FAILED = detection("failed", "perf_ioctl", "perf_ioctl.ret|lt: 0")
OFF = detection("off", "perf_ioctl", "perf_ioctl.ret: 0", "profguard: {enabled: false}\n")
NUMBER = detection("number", "perf_ioctl", "perf_ioctl.cmd: '9223'")
MEMORY = detection("memory", "process_vm_readv", "process_vm_readv.ret|gt: 0")
ATTACH = detection("attach", "ptrace", "ptrace.request: [PTRACE_ATTACH, PTRACE_SEIZE]")
CMD = ("perf_ioctl", "cmd")


@pytest.mark.parametrize(
    ("texts", "events", "values"),
    [
        ((MEMORY,), {"process_vm_readv", "ptrace"}, {}),
        ((ATTACH,), {"ptrace"}, {("ptrace", "request"): {"PTRACE_ATTACH", "PTRACE_SEIZE"}}),
        ((SET_BPF,), {"perf_ioctl", "prof"}, {CMD: {"SET_BPF"}}),
        ((SET_BPF, FILTER), {"perf_ioctl", "prof"}, {CMD: {"SET_BPF", "SET_FILTER"}}),
        ((SET_BPF, FAILED), {"perf_ioctl", "prof"}, {}),
        ((SET_BPF, OFF), {"perf_ioctl", "prof"}, {CMD: {"SET_BPF"}}),
        ((SET_BPF, NUMBER), {"perf_ioctl", "prof"}, {}),
    ],
    ids=["with its sessions", "one of two", "one", "of two rules", "any", "a rule off", "no name"],
)
def test_what_rules_need(tmp_path, texts, events, values):
    """The events, what says how long those last, and values where every rule asks for some."""
    assert wanted(tmp_path, *texts) == Wanted(PROCESSES | events, values)


LABELLED = detection("labelled", "ptrace", "target.labels: [Production, billing]")
OTHER = detection("other", "perf", "target.labels: shop, process.pid|gt: 5")
LOST = detection("lost", "lost_events", "lost_events.count|gt: 0")
EITHER = detection("either", "perf", "target.labels|contains: shop")


@pytest.mark.parametrize(
    ("texts", "labels"),
    [
        ((LABELLED,), {"production", "billing"}),
        ((LABELLED, OTHER, LOST), {"production", "billing", "shop"}),
        ((LABELLED, MEMORY), set()),
        ((LABELLED, EITHER), set()),
        ((LOST,), set()),
    ],
    ids=["one of two", "of two rules", "any target", "part of a label", "of no target"],
)
def test_labels_that_rules_want_of_a_target(tmp_path, texts, labels):
    assert wanted(tmp_path, *texts).labels == labels


def test_what_is_lacking(tmp_path):
    """Another event, another value, or any value where only some are told."""
    some = wanted(tmp_path, SET_BPF)
    assert EVERYTHING.lacks(some) == []
    assert some.lacks(some) == []
    assert some.lacks(wanted(tmp_path, SET_BPF, MEMORY)) == ["ptrace", "process_vm_readv"]
    assert some.lacks(wanted(tmp_path, FILTER)) == ["perf_ioctl"]
    assert some.lacks(wanted(tmp_path, FAILED)) == ["perf_ioctl"]
    assert wanted(tmp_path, SET_BPF, FILTER).lacks(some) == []
    labelled = wanted(tmp_path, LABELLED, OTHER)
    assert labelled.lacks(wanted(tmp_path, LABELLED)) == []
    assert wanted(tmp_path, LABELLED).lacks(labelled) == ["prof", "perf", "ptrace"]
