"""Rule files that want to hurt: each is refused in a sentence, soon, and in little memory.

The real commands are run in processes of their own, so that what counts is what a user waits for.
"""

import json
import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
PROFGUARD = Path(sys.executable).with_name("profguard")
WITHIN_S = 2
pytestmark = pytest.mark.slow  # a process for each row

MEMORY = 256 << 20  # bytes of data that a process may have; it needs about 60 MB to start

HEAD = "title: T\nlogsource: {product: linux, service: profguard, category: perf}\n"


def detecting(selection: str, condition: str = "a") -> str:
    return f"{HEAD}detection:\n  a: {selection}\n  condition: {condition}\n"


def named(values: int, modifiers: str, text: str = "v{}") -> str:
    """A rule that asks a field for so many values, in block style, which allows long lines."""
    lines = "".join(f"      - '{text.format(n)}'\n" for n in range(values))
    return f"{HEAD}detection:\n  condition: a\n  a:\n    process.name{modifiers}:\n{lines}"


def selections(count: int, condition: str) -> str:
    lines = "".join(f"  s{n}: {{perf.cpu|gt: {n}}}\n" for n in range(count))
    return f"{HEAD}detection:\n{lines}  condition: {condition}\n"


def correlated(refers_to: dict[int, list[int]]) -> str:
    """Correlations by number, with the numbers of those that they refer to, and a rule `base`.

    What of them is good is switched off, so that it finds nothing.
    """
    off = "profguard: {enabled: false}\n"
    texts = [
        f"title: c\nname: c{number}\n{off}correlation: {{type: temporal, rules: "
        f"[{', '.join(f'c{other}' for other in others) or 'base'}], group-by: [], timespan: 1m}}\n"
        for number, others in refers_to.items()
    ]
    return "---\n".join([GOOD.replace("title: T", "title: T\nname: base") + off, *texts])


def excepting(names: list[str]) -> str:
    ours = "{product: linux, service: profguard}"
    section = "selection: {process.name: x}, condition: not selection"
    return f"title: F\nlogsource: {ours}\nfilter: {{rules: [{', '.join(names)}], {section}}}\n"


GOOD = detecting("{perf.cpu: 1}")
LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + before] * 10)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


class Hostile(NamedTuple):
    """What is in the file, and the code and words of the refusal; without a code it is a rule."""

    content: str | bytes
    code: str | None
    said: str = ""


TEXTS = {
    # size
    "10 MB": Hostile("x: " + "y" * 10_000_000, "PG116", "larger than"),
    "a line of 10 MB": Hostile(GOOD + "# " + "y" * 10_000_000, "PG116", "larger than"),
    "a line of 1 MB": Hostile("x: '" + "y" * 990_000 + "'", "PG108", "has no 'title'"),
    "a comment of 1 MB": Hostile(GOOD + "# " + "y" * 990_000, None),
    "a title of 1 MB": Hostile(GOOD.replace("T", "T" * 900_000, 1), "PG108", ":1:8: title"),
    "a category of 1 MB": Hostile(HEAD.replace("perf", "p" * 900_000), "PG108", "no 'detection'"),
    "a value of 1 MB": Hostile(named(1, "", "v" * 900_000), "PG105", "longer than 4,096"),
    "a field name of 1 MB": Hostile(
        f"{HEAD}detection:\n  a:\n    ? {'f' * 900_000}\n    : 1\n  condition: a\n", "PG103",
        "unknown field 'ffff",
    ),
    "240,000 empty documents": Hostile("---\n" * 240_000, "PG101", "more than 10,000 values"),
    "10,000 documents": Hostile("---\na: 1\n" * 10_000, "PG101", "more than 10,000 values"),
    # depth
    "100 deep list": Hostile("x: " + "[" * 100 + "]" * 100, "PG101", "nested deeper than 32"),
    "100 deep map": Hostile(
        "".join(" " * n + "x:\n" for n in range(100)), "PG101", "nested deeper than 32"
    ),
    "a million brackets": Hostile("[" * 999_000, "PG101", "nested deeper than 32"),
    "400,000 dashes": Hostile("- " * 400_000, "PG101", "nested deeper than 32"),
    # aliases, tags, keys
    "billion laughs": Hostile(LAUGHS, "PG101", "more than 10,000 values"),
    "alias of itself": Hostile("a: &a [*a]\n", "PG101", "alias *a has no finished anchor"),
    "alias of its map": Hostile("a: &a {b: *a}\n", "PG101", "alias *a has no finished anchor"),
    "alias as key": Hostile("a: &a x\n*a : y\n", "PG101", "a key must be"),
    "60,000 anchors": Hostile(
        "x: [" + ", ".join(f"&a{n} x" for n in range(60_000)) + "]", "PG101", "10,000 values"
    ),
    "key twice": Hostile(
        GOOD + "title: U\n", "PG102", ":6:1: key 'title' is already set on line 1"
    ),
    "key 9,000 times": Hostile("k: 1\n" * 9_000, "PG116", "more than 100 problems"),
    "tag of an object": Hostile(
        "a: !!python/object/apply:os.system [id]\n", "PG101", ":1:4: tag tag:yaml.org,2002:python"
    ),
    "tag by directive": Hostile(
        "%TAG ! tag:yaml.org,2002:python/\n---\na: !object x\n", "PG101", ":3:4: tag"
    ),
    # characters
    "NUL": Hostile("a: \0\n", "PG101", "U+0000 is not allowed"),
    "escape": Hostile("a: \x1b[31m\n", "PG101", "U+001B is not allowed"),
    "escape in quotes": Hostile(
        detecting('{"\\e]0;x\\a\\n": 1}'), "PG103", r"unknown field '\x1b]0;x\x07\n'"
    ),
    "not UTF-8": Hostile(b"a: 1\nb: \xff\n", "PG101", ":2:4: file is not UTF-8"),
    "UTF-16": Hostile(GOOD.encode("utf-16"), "PG101", "file is not UTF-8"),
    "UTF-16 without mark": Hostile(GOOD.encode("utf-16-le"), "PG101", "U+0000 is not allowed"),
    "byte order mark": Hostile(b"\xef\xbb\xbf" + GOOD.encode(), None),
    "300,000 line separators": Hostile(GOOD + "# " + "\u2028" * 300_000, None),
    # conditions
    "100 parentheses": Hostile(
        detecting("{perf.cpu: 1}", "(" * 100 + "a" + ")" * 100), "PG106", "deeper than 32"
    ),
    "4,000 nots": Hostile(detecting("{perf.cpu: 1}", "not " * 4_000 + "a"), None),
    "32 parentheses with all in each": Hostile(
        detecting("{perf.cpu: 1}", "not (a and not a or " * 32 + "a" + ")" * 32), None
    ),
    "100,000 tokens": Hostile(
        detecting("{perf.cpu: 1}", " and ".join(["a"] * 50_000)), "PG106", "longer than 20,000"
    ),
    "3,000 tokens": Hostile(detecting("{perf.cpu: 1}", " and ".join(["a"] * 1_500)), None),
    "a pattern of stars": Hostile(
        detecting("{perf.cpu: 1}", "1 of " + "a*" * 9_000), "PG107", "no selection matches"
    ),
    "2,000 quantifiers": Hostile(
        selections(3_000, " or ".join(["1 of s*"] * 1_500)), "PG106", "more than 20,000 questions"
    ),
    "2,000 conditions": Hostile(
        selections(3_000, str(["1 of s*"] * 2_000)), "PG106", "more than 20,000 questions"
    ),
    "20,000 questions": Hostile(selections(2_000, " or ".join(["1 of s*"] * 10)), None),
    # values that are many, or become many
    "5,001 values": Hostile(named(5_001, ""), "PG105", "more than 5,000 values"),
    "5,000 values": Hostile(named(5_000, "|contains|all"), None),
    "4,900 beginnings": Hostile(named(4_900, "|startswith|all"), "PG130", "can never match"),
    "a regular expression that hangs": Hostile(
        detecting("{process.command_line|re: '(a+)+$'}"), "PG122", "exponential",
    ),
    "5,000 regular expressions": Hostile(named(4_900, "|re", "a{{{}}}b"), None),
    "3,000 dashes": Hostile(named(1, "|windash", " -x" * 1_000), "PG105", "too many dashes"),
    "900 values with 5 dashes": Hostile(
        named(900, "|windash|base64offset|contains", " -a -b -c -d -e {}"), "PG105", "too many"
    ),
    "long values with 5 dashes": Hostile(
        named(200, "|windash|utf16|base64offset|contains", " -a -b -c -d -e" + " x" * 2_000),
        "PG105", "too many",
    ),
    "wildcards": Hostile(named(240, "", "*a" * 2_000), "PG105", "more than 5,000 values"),
    "question marks": Hostile(named(240, "", "?" * 4_000), "PG105", "more than 5,000 values"),
    "5,000 wildcards": Hostile(named(50, "", "*a" * 100), None),
    "9,000 misspelt fields": Hostile(
        f"{GOOD}profguard: {{suppress: {{by: {['process.execcutable'] * 9_000}}}}}\n",
        "PG116", "more than 100 problems",
    ),
    "20,000 misspelt fields in a message": Hostile(
        f"{GOOD}profguard: {{message: '{'{process.execcutable}' * 20_000}'}}\n",
        "PG116", "more than 100 problems",
    ),
    "9,000 bad tags": Hostile(f"{GOOD}tags: {['Bad Tag'] * 9_000}\n", "PG116", "more than 100"),
    "9,000 tags, one a number": Hostile(
        f"{GOOD}tags: {[*(f'a.b{n}' for n in range(9_000)), 5]}\n", "PG108", "must be text"
    ),
    # numbers
    "10**5000": Hostile(
        detecting("{perf.cpu: 1" + "0" * 5_000 + "}"), "PG105", "longer than 4,096"
    ),
    "10**50": Hostile(detecting("{perf.cpu: 1" + "0" * 50 + "}"), "PG111", "perf.cpu is a number"),
    "2**64 and more": Hostile(
        detecting("{perf.cpu: [18446744073709551616, -1e300]}"), "PG130", "can never match",
    ),
    "1e999": Hostile(detecting("{perf.cpu|gt: 1e999}"), None),
    "a million hexadecimal digits": Hostile(
        detecting("{perf.cpu: 0x" + "f" * 900_000 + "}"), "PG105", "longer than 4,096"
    ),
    "a million decimals": Hostile(detecting("{perf.cpu|gt: 1." + "9" * 900_000 + "}"), None),
    # references
    "a correlation of itself": Hostile(correlated({1: [1]}), "PG141", "waits for itself"),
    "a circle of 400 correlations": Hostile(
        correlated({n: [(n + 1) % 400] for n in range(400)}), "PG141", "waits for itself",
    ),
    "a chain of 400 correlations": Hostile(
        correlated({n: [n + 1] if n < 399 else [] for n in range(400)}), None,
    ),
    "correlations that double 60 times": Hostile(
        correlated({n: [n + 1, n + 60] for n in range(59)} | {n: [] for n in range(59, 120)}), None,
    ),
    "a correlation of 9,000 rules": Hostile(
        correlated({1: list(range(2, 9_000))}), "PG140", "no rule is called",
    ),
    "a correlation of 101 rules": Hostile(
        correlated({1: list(range(2, 103))} | {n: [] for n in range(2, 103)}), "PG142", "100 rules",
    ),
    "a filter of 9,000 rules that are not there": Hostile(
        f"{GOOD}---\n{excepting([f'r{n}' for n in range(9_000)])}", None,
    ),
}  # fmt: skip


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str
    taken_s: float


def profguard(*arguments) -> Done:
    """The command as a user runs it, in a process that gets no more memory than it should need."""
    began = time.monotonic()
    done = subprocess.run(
        [PROFGUARD, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=20,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY)),
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    return Done(done.returncode, done.stdout, done.stderr, time.monotonic() - began)


def is_refused(done: Done, path: Path, code: str, said: str) -> None:
    """In little time, by a sentence that is short, printable and has its place."""
    assert done.taken_s < WITHIN_S
    assert (done.returncode, done.stderr) == (1, "")
    shown = repr(str(path))[1:-1]
    assert shown in done.stdout
    assert said in done.stdout
    assert f"({code})" in done.stdout
    assert len(done.stdout) < 100_000
    assert not re.search(r"[^\n -~\w]", done.stdout)


@pytest.fixture
def pack(tmp_path):
    """A folder with one good rule, which every hostile file is put beside."""
    (tmp_path / "rules").mkdir(mode=0o755)
    put(tmp_path / "rules/good.yml", GOOD)
    return tmp_path / "rules"


def put(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path.chmod(0o644)
    return path


@pytest.mark.parametrize("hostile", TEXTS.values(), ids=TEXTS)
def test_a_hostile_file_is_refused(hostile, tmp_path):
    path = put(tmp_path / "bad.yml", hostile.content)
    done = profguard("rules", "lint", path)
    if hostile.code:
        is_refused(done, path, hostile.code, hostile.said)
    else:
        assert done.taken_s < WITHIN_S
        assert (done.returncode, done.stderr) == (0, "")
        assert ", 0 errors" in done.stdout


# --- what is no text at all: functions that make it at a path, or near it; they return where ---


def _unreadable(path: Path) -> Path:
    path.symlink_to("/proc/self/mem")
    return path


def _linked_in_a_circle(path: Path) -> Path:
    path.symlink_to(path.with_name("other.yml"))
    path.with_name("other.yml").symlink_to(path)
    return path


def _open_to_others(path: Path) -> Path:
    put(path, GOOD).chmod(0o666)
    return path


def _pipe(path: Path) -> Path:
    os.mkfifo(path)
    path.chmod(0o600)
    return path


def _link(target: str) -> Callable[[Path], Path]:
    def make(path: Path) -> Path:
        path.symlink_to(target)
        return path

    return make


def _called(name: bytes) -> Callable[[Path], Path]:
    return lambda path: put(path.with_name(os.fsdecode(name)), GOOD)


def _deep(path: Path) -> Path:
    path.with_suffix("").joinpath(*["d"] * 100).mkdir(parents=True)
    return path.with_suffix("")


THINGS = {
    "pipe": (_pipe, "PG116", "not a regular file"),
    "endless device": (_link("/dev/zero"), None, ""),  # PG121 for root, PG116 for others
    "what cannot be read": (_unreadable, "PG116", "cannot read"),
    "what is gone": (_link("nothing"), "PG116", "no such file or directory"),
    "links in a circle": (_linked_in_a_circle, "PG116", "no such file or directory"),
    "a name with escapes": (_called(b"x\x1b[31m\nred.yml"), "PG116", "cannot be shown"),
    "a name that is not UTF-8": (_called(b"x\xff.yml"), "PG116", "cannot be shown"),
    "a name that turns the line": (_called("x\u202elmy.yml".encode()), "PG116", "cannot be shown"),
    "100 folders deep": (_deep, "PG116", "nested deeper than 32"),
}


@pytest.mark.parametrize(("make", "code", "said"), THINGS.values(), ids=THINGS)
def test_what_is_no_rule_file_is_refused(make, code, said, tmp_path):
    """Named on the command line; beside good rules, see below."""
    done = profguard("rules", "lint", path := make(tmp_path / "bad.yml"))
    code = code or ("PG121" if os.geteuid() == 0 else "PG116")
    is_refused(done, tmp_path if path.is_dir() else path, code, said)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root refuses such files")
def test_what_others_can_write_is_refused(tmp_path):
    path = _open_to_others(tmp_path / "bad.yml")
    is_refused(profguard("rules", "lint", path), path, "PG121", "everyone can write it")


def test_ten_thousand_empty_files_are_no_rules(pack):
    for n in range(10_000):
        put(pack / f"{n}.yml", "")
    done = profguard("rules", "lint", pack)
    assert done.taken_s < WITHIN_S
    assert "1 rule, 0 errors" in done.stdout


def findings(pack: Path, config: Path) -> list[str]:
    """The rules of the findings of the demonstration capture, replayed with `pack`."""
    done = profguard(
        *("replay", ROOT / "captures/demo.jsonl", "--json"),
        *("--rules", pack, "--config", config),
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    told = map(json.loads, done.stdout.splitlines())
    return [one["rule"]["id"] for one in told if one["type"] == "finding"]


def test_beside_all_of_them_a_good_rule_still_finds_what_it_finds(pack, tmp_path):
    """With rules.skip_bad; without it, they are a refusal."""
    config = put(tmp_path / "profguard.toml", "[rules]\nskip_bad = true\n")
    alone = findings(pack, config)
    assert set(alone) == {"good"}
    for number, hostile in enumerate(TEXTS.values()):
        if hostile.code:
            put(pack / f"text {number}.yml", hostile.content)
    for number, (make, *_) in enumerate(THINGS.values()):
        make(pack / f"thing {number}.yml")
    assert findings(pack, config) == alone
    done = profguard("replay", ROOT / "captures/demo.jsonl", "--rules", pack)
    assert (done.returncode, done.stdout) == (3, "")
    assert "Traceback" not in done.stderr
