"""Short stories for correlations: some rules, and events that they match, by kind and time."""

import textwrap

from profguard.model import Event
from tests.rule_texts import detection

EPOCH_NS = 1_800_000_000_000_000_000
S = 1_000_000_000

BASE = "\n" + "".join(
    (
        detection("opened", "perf", "perf.ret|gte: 0"),
        detection("attached", "ptrace", "ptrace.ret: 0"),
        detection("read", "process_vm_readv", "process_vm_readv.ret|gte: 0"),
        detection("ended", "sched_process_exit", "process.pid|exists: true"),
    )
)
KINDS = {
    "o": ("perf", {"ret": 3}),
    "a": ("ptrace", {"ret": 0}),
    "r": ("process_vm_readv", {"ret": 0}),
    "e": ("sched_process_exit", {}),
}


def event(kind: str, at_s: float, pid: int = 1, uid: int | None = None, **args) -> Event:
    name, known = KINDS[kind]
    found = Event.from_dict(
        {
            "event": {"name": name},
            "process": {"pid": pid, **({"user": {"id": uid}} if uid is not None else {})},
            name: {**known, **args},
        }
    )
    found.time_ns = EPOCH_NS + round(at_s * S)
    return found


def correlation(kind: str, *, rules="[opened]", span="10s", condition="", more="", own="") -> str:
    text = f"""
    title: Joined
    name: joined
    correlation:
      type: {kind}
      rules: {rules}
      group-by: [process.pid]
      timespan: {span}
    """
    text = textwrap.dedent(text).strip() + "\n"
    text += f"  condition: {condition}\n" if condition else ""
    text += more
    return BASE + text + (f"profguard: {own}\n" if own else "")


def story(text: str) -> list[Event]:
    """`o1 o2.5 a3:2`: kinds and times in s, and after a colon the pid."""
    events = []
    for word in text.split():
        at, _, pid = word[1:].partition(":")
        events.append(event(word[0], float(at), int(pid or 1)))
    return events
