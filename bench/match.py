"""How fast rules match: compiled, beside a closure a rule and beside walking each rule's tree.

    .venv/bin/python bench/match.py [--seconds 0.5]

Rules and events are made from a fixed seed: one event in ten is of a program that a rule names,
one rule in ten looks for words in command lines only, which no lookup can spare. All three ways
must give the same matches, or the benchmark stops.
"""

import argparse
import random
import time
from collections.abc import Callable

from profguard.model import Event
from profguard.rules import interpret, pack
from profguard.rules.documents import read_document
from profguard.rules.matchers import Absent, Present, SameAs
from profguard.rules.rule import Rule
from profguard.rules.source import parse
from profguard.rules.tree import And, Keyword, Named, Node, Not, Or

SIZES = (10, 50, 200, 500)
EVENTS = 2_000
CATEGORIES = ("prof", "perf", "sched_process_exec")

TEMPLATE = """\
title: Rule {n}
level: {level}
logsource: {{product: linux, service: profguard, category: {category}}}
detection:
  selection:
    {first}
    process.executable|endswith: [/{tool}, /{tool}-static, /{tool}.real]
  production:
    target.labels: production
  unit:
    process.unit: [{tool}.service, {tool}@main.service]
    process.user.name|neq: root
  filter_root:
    process.user.id: 0
    process.parent.executable|startswith: [/usr/lib/systemd/, /lib/systemd/]
  filter_line:
    process.command_line|contains: [--selftest, --version, '--help {n}']
  condition: (selection and production or unit) and not 1 of filter_*
"""
WORDS = """\
title: Rule {n}
level: {level}
logsource: {{product: linux, service: profguard, category: {category}}}
detection:
  selection:
    process.command_line|contains|all: [' --{tool}', conf]
  short: {{process.command_line|re: '{tool} -[a-z]*x'}}
  condition: selection or short
"""
FIRST = {
    "prof": "prof.action: enable\n    prof.mechanism: [perf, itimer]",
    "perf": "perf.ret|gte: 0\n    perf.pmu|neq: dummy",
    "sched_process_exec": "sched_process_exec.cmdpath|contains: bin",
}


def make_rules(count: int) -> pack.RuleSet:
    """`count` rules over three events, of the shape that shipped rules have."""
    rules, problems = [], []
    for n in range(count):
        category = CATEGORIES[n % len(CATEGORIES)]
        level = ("low", "medium", "high")[n % 3]
        template = WORDS if n % 10 == 9 else TEMPLATE
        text = template.format(
            n=n, category=category, first=FIRST[category], level=level, tool=f"tool{n}"
        )
        [document] = parse(text, f"{n}.yml", problems)
        rules.append(read_document(document, f"rule-{n:04}", {}, problems))
    if problems:
        raise SystemExit("\n".join(problem.render() for problem in problems))
    return pack.rule_set(rules)


def make_events(rng: random.Random, tools: int) -> list[Event]:
    """Events of ordinary programs, one in ten by a program that a rule names."""
    return [make_event(rng, tools) for _ in range(EVENTS)]


def make_event(rng: random.Random, tools: int) -> Event:
    category = rng.choice(CATEGORIES)
    known = rng.random() < 0.1
    number = rng.randrange(tools)
    name = f"tool{number}" if known else rng.choice(["bash", "postgres", "nginx", "python3"])
    args = {
        "prof": {"action": rng.choice(["enable", "disable"]), "mechanism": "perf", "flags": 17},
        "perf": {"ret": 5, "pmu": rng.choice(["cpu", "dummy"]), "attr_flags": ["inherit"]},
        "sched_process_exec": {"cmdpath": f"/usr/bin/{name}", "argv": [name, "-v"]},
    }
    return Event.from_dict(
        {
            "event": {"name": category},
            "process": {
                "pid": rng.randrange(2, 32768),
                "name": name,
                "executable": f"/usr/bin/{name}",
                "command_line": f"/usr/bin/{name} --config /etc/{name}.conf",
                "parent": {"pid": 1, "executable": "/usr/bin/bash"},
                "user": {"id": 1000 + number % 3, "name": "app"},
                "unit": f"{name}.service",
            },
            "target": {
                "pid": rng.randrange(2, 32768),
                "executable": "/srv/shop",
                "labels": rng.choice([["production"], ["production", "web"], []]),
            },
            category: args[category],
        }
    )


def closure(node: Node) -> Callable[[Event], bool]:
    """The straightforward compilation: a function for each node, calling those of its parts."""
    if isinstance(node, Named):
        return closure(node.part)
    if isinstance(node, And | Or):
        parts = tuple(map(closure, node.parts))
        if isinstance(node, And):
            return lambda event: all(part(event) for part in parts)
        return lambda event: any(part(event) for part in parts)
    if isinstance(node, Not):
        inner = closure(node.part)
        return lambda event: not inner(event)
    if isinstance(node, Keyword) or isinstance(node.matcher, Absent | Present | SameAs):
        return lambda event: interpret.matches(node, event)
    ask, source, value_of = node.matcher.matches, node.field, interpret.read

    def test(event: Event) -> bool:
        value = value_of(source, event)
        if value is None:
            return False
        return any(map(ask, value)) if source.is_list else ask(value)

    return test


def one_by_one(rules: pack.RuleSet, ask: dict[Rule, Callable[[Event], bool]]) -> Callable:
    """A matching function that asks each rule of the event."""
    of_event = {
        name: [(rule, ask[rule]) for rule in rules.rules if rule.event == name]
        for name in CATEGORIES
    }
    return lambda event: tuple(rule for rule, asks in of_event[event.spec.name] if asks(event))


def interpreted(rule: Rule) -> Callable[[Event], bool]:
    return lambda event: interpret.matches(rule.condition, event)


def rate(match: Callable, events: list[Event], seconds: float) -> float:
    """Events a second, the best of the rounds that fit in the time (at least one)."""
    best, until = float("inf"), time.perf_counter() + seconds
    while True:
        start = time.perf_counter()
        for event in events:
            match(event)
        end = time.perf_counter()
        best = min(best, end - start)
        if end >= until:
            return len(events) / best


def measure(count: int, seconds: float) -> None:
    start = time.perf_counter()
    rules = make_rules(count)
    load_ms = (time.perf_counter() - start) * 1000
    events = make_events(random.Random(count), count)  # noqa: S311
    ways = {
        "compiled": lambda event: tuple(match.rule for match in rules.match(event)),
        "closures": one_by_one(rules, {rule: closure(rule.condition) for rule in rules.rules}),
        "interpreted": one_by_one(rules, {rule: interpreted(rule) for rule in rules.rules}),
    }
    expected = [ways["interpreted"](event) for event in events]
    for name, match in ways.items():
        if [match(event) for event in events] != expected:
            raise SystemExit(f"{name} matches something else than the interpreter")
    matched = sum(map(bool, expected))
    rates = {name: rate(match, events, seconds) for name, match in ways.items()}
    ratios = "  ".join(
        f"{name} {value:>9,.0f}/s ({rates['compiled'] / value:,.1f}x)"
        for name, value in rates.items()
    )
    print(f"{count:>4} rules ({load_ms:,.0f} ms to load, {matched} events match): {ratios}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=0.5, help="time for each figure")
    seconds = parser.parse_args().seconds
    for count in SIZES:
        measure(count, seconds)


if __name__ == "__main__":
    main()
