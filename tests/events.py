"""Events as the enriched pipeline has them, for tests: who did what to whom, and when."""

from profguard.events import BY_NAME
from profguard.events.perf import PROF_FLAGS
from profguard.model import Event, Process
from profguard.rules import pack
from profguard.rules.documents import read_document
from profguard.rules.source import parse

EPOCH_NS = 1_800_000_000_000_000_000
MS = 1_000_000
_BITS = {name: 1 << bit for bit, name in PROF_FLAGS.items()}


def task(pid: int, *, tid: int | None = None, start: int = 1, **known) -> Process:
    """A process that was the `start`th to have this pid."""
    return Process(pid=pid, tid=tid or pid, start_boot_ns=start, **known)


def event(name: str, ms: float = 0, process=None, target=None, relation=None, **args) -> Event:
    """An event `ms` after the start of the test's world; arguments that are not given are None."""
    spec = BY_NAME[name]
    boot_ns = int(ms * MS)
    values = [args.pop(arg.name, None) for arg in spec.public_args]
    assert not args, f"{name} has no {sorted(args)}"
    return Event(
        spec=spec,
        time_ns=EPOCH_NS + boot_ns,
        boot_ns=boot_ns,
        args=values,
        process=process,
        target=target,
        relation=relation,
    )


def prof(
    step: str, ms: float, ids, process, target=None, *, mechanism="perf", mode="sampling", **more
) -> Event:
    """`step` is action and cause, and further flags: "enable open", "enable fork inherited"."""
    action, cause, *flags = step.split()
    bits = sum(_BITS[flag] for flag in (action, cause, *flags) if flag in _BITS)
    ids = tuple(ids)
    values = {
        "flags": bits,
        "event_ids": ids,
        "events": tuple(1 << 24 for _ in ids),
        "total": len(ids),
        "action": action,
        "cause": cause,
        "mechanism": mechanism,
        "mode": mode,
    }
    relation = "cpu-wide" if "cpu_wide" in flags else None
    return event("prof", ms, process, target, more.pop("relation", relation), **values | more)


def ptrace(request: str, ms: float, process, target, ret: int = 0) -> Event:
    return event(
        "ptrace", ms, process, target, request=f"PTRACE_{request}", pid=target.pid, ret=ret
    )


def ends(ms: float, process) -> Event:
    return event("sched_process_exit", ms, process, exit_code=0)


def execs(ms: float, process) -> Event:
    return event("sched_process_exec", ms, process, inode=1, dev=1, cmdpath="/bin/x", argv=("x",))


def rule_set(text: str) -> pack.RuleSet:
    """The rules of a YAML text, which must be good."""
    problems: list = []
    parts = [
        read_document(document, f"rule-{document.index}", {}, problems)
        for document in parse(text, "rules.yml", problems)
    ]
    found = pack.rule_set(parts, problems)
    problems = [problem for problem in found.problems if problem.severity == "error"]
    assert not problems, problems
    return found
