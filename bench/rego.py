"""How fast one Tracee-style signature is: our path beside plain conversion and beside regopy.

    .venv/bin/python bench/rego.py [--events 20000] [--rounds 5]

Ours is all of it: selection, projection, the worker process and back. `plain` hands the whole
event to the same engine in this process, `regopy` to Microsoft's. All must find the same events.

The first signature asks what few events differ in, so that most answers are remembered; for the
second every event is another one, so that none is.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import regopy
import regorus

from profguard.model import Event
from profguard.rules.rego.pack import load_pack
from profguard.tracee import from_tracee, to_tracee

GOAL = 100_000
BATCH = 2_048
SLOW_PEER = 20  # one event in so many is enough for a peer that is so slow

HELPERS = """\
package tracee.helpers

get_tracee_argument(arg_name) = arg_value {
    arg := input.args[_]
    arg.name == arg_name
    arg_value := arg.value
}
"""
SIGNATURE = """\
package tracee.{name}

import data.tracee.helpers

__rego_metadoc__ := {{"id": "{name}", "name": "Process reads another's registers"}}

tracee_selected_events[selector] {{
    selector := {{"source": "tracee", "name": "ptrace"}}
}}

tracee_match {{
    input.eventName == "ptrace"
    request := helpers.get_tracee_argument("request")
    request == "PTRACE_GETREGS"{more}
}}
"""
SIGNATURES = {
    "repeating": SIGNATURE.format(name="repeating", more=""),
    "distinct": SIGNATURE.format(name="distinct", more="\n    input.timestamp > 1000"),
}
V1 = (
    ("arg_value {", "arg_value if {"),
    ("[selector] {", " contains selector if {"),
    ("tracee_match {", "tracee_match if {"),
)
REQUESTS = ("PTRACE_PEEKTEXT", "PTRACE_CONT", "PTRACE_SYSCALL", "PTRACE_ATTACH")


def make_event(number: int) -> Event:
    """A call of ptrace as Tracee prints it; one in fifty is what the signatures look for."""
    request = "PTRACE_GETREGS" if number % 50 == 0 else REQUESTS[number % len(REQUESTS)]
    pid = 1000 + number % 700
    return from_tracee(
        {
            "timestamp": 1_800_000_000_000_000_000 + number,
            "threadStartTime": 1_799_999_999_000_000_000,
            "processorId": number % 8,
            "processId": pid,
            "cgroupId": 5247,
            "threadId": pid,
            "parentProcessId": 1,
            "hostProcessId": pid,
            "hostThreadId": pid,
            "hostParentProcessId": 1,
            "userId": 1000,
            "mountNamespace": 4026531840,
            "pidNamespace": 4026531836,
            "processName": "debugger",
            "executable": {"path": "/usr/bin/debugger"},
            "hostName": "shop-1",
            "containerId": "",
            "container": {},
            "kubernetes": {},
            "eventId": "101",
            "eventName": "ptrace",
            "matchedPolicies": [""],
            "argsNum": 4,
            "returnValue": 0,
            "syscall": "ptrace",
            "stackAddresses": None,
            "contextFlags": {"containerStarted": False, "isCompat": False},
            "args": [
                {"name": "request", "type": "long", "value": request},
                {"name": "pid", "type": "pid_t", "value": 812},
                {"name": "addr", "type": "void*", "value": f"0x{number:x}"},
                {"name": "data", "type": "void*", "value": "0x0"},
            ],
        }
    )


def timed(ask: Callable[[Sequence[Event]], list[bool]], events: Sequence[Event]):
    start = time.perf_counter()
    answers = ask(events)
    return len(events) / (time.perf_counter() - start), answers


def plain(name: str, text: str) -> Callable[[Sequence[Event]], list[bool]]:
    """The whole event, converted from Python by the same engine."""
    engine = regorus.Engine()
    engine.set_rego_v0(enable=True)
    engine.add_policy("helpers", HELPERS)
    engine.add_policy("signature", text)
    rule = f"data.tracee.{name}.tracee_match"

    def ask(events: Sequence[Event]) -> list[bool]:
        found = []
        for event in events:
            engine.set_input(to_tracee(event))
            found.append(engine.eval_rule(rule) is True)
        return found

    return ask


def by_regopy(name: str, text: str) -> Callable[[Sequence[Event]], list[bool]]:
    """The whole event as JSON, to regopy, which knows v1 only."""
    engine = regopy.Interpreter()
    for title, module in (("helpers", HELPERS), ("signature", text)):
        modern = module
        for old, new in V1:
            modern = modern.replace(old, new)
        engine.add_module(title, modern)
    query = f"data.tracee.{name}.tracee_match"

    def ask(events: Sequence[Event]) -> list[bool]:
        found = []
        for event in events:
            engine.set_input_term(msgspec.json.encode(to_tracee(event)).decode())
            found.append("true" in str(engine.query(query)))
        return found

    return ask


def ours(pack) -> Callable[[Sequence[Event]], list[bool]]:
    def ask(events: Sequence[Event]) -> list[bool]:
        found = []
        for start in range(0, len(events), BATCH):
            found += map(bool, pack.evaluate(events[start : start + BATCH]))
        return found

    return ask


def measure(name: str, text: str, events: list[Event], rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, "helpers.rego"), Path(folder, f"{name}.rego")]
        for path, content in zip(paths, (HELPERS, text), strict=True):
            path.write_text(content)
        problems: list = []
        pack = load_pack(paths, problems)
    if problems:
        raise SystemExit("\n".join(problem.render() for problem in problems))
    some = events[::SLOW_PEER]
    ways = {
        "profguard": (ours(pack), events),
        "plain": (plain(name, text), events[: len(events) // 4]),
        "regopy": (by_regopy(name, text), some),
    }
    rates: dict[str, list[float]] = {way: [] for way in ways}
    expected = [event.origin["args"][0]["value"] == "PTRACE_GETREGS" for event in events]
    by_event = dict(zip(map(id, events), expected, strict=True))
    for _ in range(rounds):  # in turn, so that a noisy moment is everybody's
        for way, (ask, asked) in ways.items():
            rate, answers = timed(ask, asked)
            if answers != [by_event[id(event)] for event in asked]:
                raise SystemExit(f"{way} finds other events")
            rates[way].append(rate)
    pack.close()
    best = {way: max(found) for way, found in rates.items()}
    for way, found in rates.items():
        spread = f"{min(found):,.0f} to {max(found):,.0f}, median {statistics.median(found):,.0f}"
        ratio = best["profguard"] / best[way]
        print(f"{name:>9}  {way:<9} {best[way]:>9,.0f} events/s  1/{ratio:,.1f}  ({spread})")
    verdict = "reached" if best["profguard"] >= GOAL else "MISSED"
    print(f"{name:>9}  the goal of {GOAL:,} events/s is {verdict}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    events = [make_event(number) for number in range(given.events)]
    for name, text in SIGNATURES.items():
        measure(name, text, events, given.rounds)


if __name__ == "__main__":
    main()
