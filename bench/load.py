"""How fast rules load: 1,000 files from nothing to compiled, in a process that has just started.

    .venv/bin/python bench/load.py [--runs 7]

Each file is one of the shipped rules, or a rule of the kind that SigmaHQ has for Linux, with names
and words of its own, made from a fixed seed. Beside it, in the same run and on the same files: a
peer, pySigma, which parses rules and compiles nothing; and the floor, PyYAML by itself. Every
figure is of fresh processes, from their start to their end, imports included.
"""

import argparse
import random
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

RULES = 1_000
WITHIN_S = 1.5
SHIPPED = Path(__file__).parent.parent / "rules"
GENERIC_EVERY = 3  # one rule in so many is of SigmaHQ's kind
PEER_RUNS = 3  # of pySigma, which is slow

WORDS = tuple(
    "agent backup cache daemon export fetch gather helper index journal keeper launch".split()
)
OWN = """\
  own:
    process.executable|endswith: [/{a}, /{b}, /{a}.real]
    process.command_line|contains: [' --{b}', '-c {a}']
    process.user.name: [{a}, _{b}]
"""
GENERIC = """\
title: Use of {a} with {b}
id: {id}
status: experimental
description: Detects {a} when it is told to {b}, by number {n}.
references: ['https://example.org/{a}/{b}']
author: profguard
date: 2026-11-23
tags: [attack.execution, attack.t1059]
logsource: {{product: linux, category: process_creation}}
detection:
  selection_img:
    Image|endswith: [/{a}, /{b}]
  selection_line:
    CommandLine|contains|all: ['{a} -', '--{b}=']
    CommandLine|re: '{b}=[0-9a-f]{{{digits}}}'
  filter_main_parent:
    ParentImage|startswith: [/usr/lib/{a}/, /opt/{b}/]
  filter_optional_user:
    User: {a}
  condition: all of selection_* and not 1 of filter_*
falsepositives: [Administrators]
level: {level}
"""

# What the processes do with the files of a folder, sys.argv[1].
PROFGUARD = """\
import sys
from pathlib import Path
from profguard.rules import load
rules = load([Path(sys.argv[1])])
assert rules.in_force == len(rules.rules) == {count}, rules.in_force
"""
PYSIGMA = """\
import sys
from sigma.collection import SigmaCollection
rules = SigmaCollection.load_ruleset([sys.argv[1]])
assert len(rules.rules) == {count}, len(rules.rules)
"""
PYYAML = """\
import sys
from pathlib import Path
import yaml
rules = [yaml.load(path.read_text(), yaml.CSafeLoader) for path in Path(sys.argv[1]).iterdir()]
assert len(rules) == {count}, len(rules)
"""
WAYS = {"profguard": PROFGUARD, "PyYAML alone": PYYAML, "pySigma": PYSIGMA}


def rule_texts(count: int) -> list[str]:
    """`count` rules, all different, the same ones each time."""
    rng = random.Random(count)  # noqa: S311
    paths = sorted(SHIPPED.rglob("*.yml"))
    # a correlation is of certain others, which copies of these would not be
    shipped = [text for path in paths if "\ncorrelation:" not in (text := path.read_text())]
    texts = []
    for n in range(count):
        names = {"a": f"{rng.choice(WORDS)}{n}", "b": f"{rng.choice(WORDS)}-{n % 97}"}
        identity = str(uuid.UUID(int=rng.getrandbits(128), version=4))
        if n % GENERIC_EVERY == 0:
            level = ("low", "medium", "high")[n // GENERIC_EVERY % 3]
            digits = 8 + n % 24
            texts.append(GENERIC.format(n=n, id=identity, level=level, digits=digits, **names))
        else:
            texts.append(varied(shipped[n % len(shipped)], n, identity, names))
    return texts


def varied(text: str, n: int, identity: str, names: dict[str, str]) -> str:
    """A shipped rule as somebody's own: its condition, for certain programs and users only."""
    lines = []
    for line in text.splitlines():
        key, _, value = line.partition(": ")
        if key == "title":
            lines.append(f"title: {value} ({n})")
        elif key == "id":
            lines.append(f"id: {identity}")
        elif key == "  condition":
            lines += [*OWN.format(**names).splitlines(), f"  condition: ({value}) and own"]
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"


def write_rules(folder: Path, count: int) -> None:
    folder.mkdir(mode=0o755)
    for n, text in enumerate(rule_texts(count)):
        (folder / f"rule_{n:04}.yml").write_text(text)


def seconds(code: str, folder: Path, count: int) -> float:
    """How long a fresh process takes for the rules of a folder, from its start to its end."""
    command = [sys.executable, "-c", code.format(count=count), str(folder)]
    began = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - began


def shown(name: str, times: list[float]) -> float:
    """Prints one line; the median."""
    median = statistics.median(times)
    spread = f"{min(times):.2f} to {max(times):.2f} of {len(times)}"
    print(f"{name:>12}: {median:.2f} s ({spread}), {RULES / median:,.0f} rules/s")
    return median


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7, help="processes for each figure")
    runs = parser.parse_args().runs
    times: dict[str, list[float]] = {name: [] for name in WAYS}
    with tempfile.TemporaryDirectory() as base:
        folder = Path(base, "rules")
        write_rules(folder, RULES)
        seconds(WAYS["profguard"], folder, RULES)  # fills the caches
        for run in range(runs):  # in turns: a noisy moment hits all of them
            for name, code in WAYS.items():
                if name != "pySigma" or run < PEER_RUNS:
                    times[name].append(seconds(code, folder, RULES))
    medians = {name: shown(name, taken) for name, taken in times.items()}
    ours = medians["profguard"]
    print(
        f"profguard takes {ours / medians['PyYAML alone']:.1f} x as long as PyYAML alone, ", end=""
    )
    print(f"pySigma {medians['pySigma'] / ours:.1f} x as long as profguard")
    print(f"cold load of {RULES:,} rules: {ours:.2f} s; limit {WITHIN_S} s")
    if ours >= WITHIN_S:
        sys.exit("over the limit")


if __name__ == "__main__":
    main()
