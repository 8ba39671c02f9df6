"""Reading YAML: values by the 1.2 core schema, places of everything, and refusal of abuse."""

import time

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from profguard.errors import CODES
from profguard.rules import pack
from profguard.rules.documents import read_document
from profguard.rules.source import MAX_BYTES, parse, read

HEAD = "title: T\nlogsource: {product: linux, service: profguard, category: perf}\n"


def values_of(text):
    problems = []
    documents = parse(text, "x.yml", problems)
    assert problems == []
    return [document.value for document in documents]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("NULL", None),
        ("''", ""),
        ("'12'", "12"),
        ("!!str 12", "12"),
        ("12", 12),
        ("-3", -3),
        ("010", 10),
        ("0o17", 15),
        ("0xFF", 255),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("-.5", -0.5),
        ("5.", 5.0),
        (".", "."),
        ("e5", "e5"),
        ("1" * 41, "1" * 41),
        ("1:30", "1:30"),
        ("1_000", "1_000"),
        ("2024-01-02", "2024-01-02"),
        ("<<", "<<"),
        ("[a, [1, b]]", ["a", [1, "b"]]),
        ("{a: {b: [c]}}", {"a": {"b": ["c"]}}),
        ("[&x a, *x]", ["a", "a"]),
        ("{1: a}", {"1": "a"}),
    ],
)
def test_values(text, value):
    [found] = values_of(f"key: {text}")
    assert found["key"] == value
    assert type(found["key"]) is type(value)


def test_every_value_has_its_place():
    text = "a:\n  - b: 'x y'\n    c: {d: 5}\nlong: |\n  two\n  lines\n"
    [document] = parse(text, "x.yml", [])

    def at(*path, key=False):
        place = document.place(*path, key=key)
        return place.line, place.column, place.length

    assert at("a") == (2, 3, 1)
    assert at("a", 0, "b") == (2, 8, 5)
    assert at("a", 0, "c", "d") == (3, 12, 1)
    assert at("a", 0, "c", "d", key=True) == (3, 9, 1)
    assert at("a", 0, "nothing") == (2, 5, 1)
    assert document.raw("a", 0, "c", "d") == "5"


def test_several_documents_are_several_and_empty_ones_none():
    assert values_of("---\na: 1\n---\n---\nb: 2\n") == [{"a": 1}, {"b": 2}]
    assert values_of("# only a comment\n") == []
    assert values_of("") == []


LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + before] * 10)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
HOSTILE = {
    "billion laughs": LAUGHS,
    "100 deep list": "x: " + "[" * 100 + "]" * 100,
    "100 deep map": "".join(" " * n + "x:\n" for n in range(100)),
    "a million brackets": "[" * 999_000,
    "a million braces": "{" * 999_000,
    "many values": HEAD + "detection:\n  condition: a\n  a:\n" + "  - x\n" * 150_000,
    "many keys": "".join(f"k{n}: 1\n" for n in range(60_000)),
    "long line": "x: '" + "y" * 998_000 + "'",
    "10 MB": "x: " + "y" * 10_000_000,
    "100 deep condition": HEAD
    + f"detection:\n  a: {{perf.cpu: 1}}\n  condition: {'(' * 100}a{')' * 100}\n",
    "5,000 deep condition": HEAD
    + f"detection:\n  a: {{perf.cpu: 1}}\n  condition: {'not (' * 5000}a{')' * 5000}\n",
    "control characters": "x: \x1b[31m\n",
    "values that multiply": HEAD
    + "detection:\n  condition: a\n  a:\n    process.name|windash:\n"
    + "".join(f"      - ' -a -b -c -d -e {n}'\n" for n in range(8_000)),
    "long integer": HEAD + "detection:\n  a: {perf.cpu: " + "9" * 900_000 + "}\n  condition: a\n",
    "regular expression": HEAD + "detection:\n  a: {process.name|re: '(a+)+$'}\n  condition: a\n",
    "long regular expression": HEAD
    + f"detection:\n  a: {{process.name|re: '{'(ab*)' * 150_000}'}}\n  condition: a\n",
    "deep regular expression": HEAD
    + f"detection:\n  a: {{process.name|re: '{'(a.*' * 400}x{')+' * 400}'}}\n  condition: a\n",
    "windash": HEAD + f"detection:\n  a: {{process.name|windash: '{' -x' * 3000}'}}\n"
    "  condition: a\n",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_files_are_refused_quickly(tmp_path, text):
    """A clear refusal within 2 s, with the good file beside it loaded."""
    (tmp_path / "bad.yml").write_text(text)
    good = HEAD + "detection:\n  a: {perf.cpu: 1}\n  condition: a\n"
    (tmp_path / "good.yml").write_text(good)
    start = time.monotonic()
    rules = pack.load([tmp_path], skip_bad=True)
    assert time.monotonic() - start < 2
    assert [rule.id for rule in rules.rules] == ["good"]
    assert rules.problems
    for problem in rules.problems:
        assert problem.severity == "error"
        assert problem.place.path.endswith("bad.yml")
        assert len(problem.render()) < 2_000


@pytest.mark.parametrize("modifier", ["", "|contains", "|contains|all", "|re", "|neq"])
def test_long_lists_load_quickly(modifier):
    text = HEAD + f"detection:\n  condition: a\n  a:\n    process.name{modifier}:\n"
    text += "".join(f"      - 'value {n}'\n" for n in range(5_000))
    [document] = parse(text, "x.yml", [])
    start = time.monotonic()
    rules = pack.rule_set([read_document(document, "x", {}, [])])
    assert time.monotonic() - start < 2
    assert len(rules.rules) == 1


def test_a_file_that_is_too_large_is_not_read_whole(tmp_path):
    path = tmp_path / "big.yml"
    path.write_bytes(b"x" * (MAX_BYTES + 1))
    problems = []
    assert read(path, problems) == []
    assert problems[0].code == "PG116"


def test_bytes_that_are_not_text_are_told_with_their_place(tmp_path):
    path = tmp_path / "x.yml"
    path.write_bytes(b"a: 1\nb: \xff\n")
    problems = []
    read(path, problems)
    assert (problems[0].code, problems[0].place.line, problems[0].place.column) == ("PG101", 2, 4)


CHARS = st.sampled_from("ab:-{}[]'\"|>&*!#%@?, \n\t\\~0x1é\x00\x85\u2028")


@given(st.text(CHARS, max_size=60) | st.text(max_size=40))
def test_any_text_gives_rules_or_located_problems(text):
    problems = []
    for document in parse(text, "x.yml", problems):
        read_document(document, "x", {}, problems)
    assert all(problem.code in CODES and problem.place.path == "x.yml" for problem in problems)
    assert all(problem.render() for problem in problems)


PIECES = st.sampled_from(
    "title logsource detection condition a profguard perf.cpu perf.pmu|contains |all x* 1 of them "
    "null true 5 '' service category perf level high tags message suppress".split()
)
TREES = st.recursive(
    PIECES | st.none() | st.booleans() | st.integers() | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(PIECES, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(PIECES, TREES, max_size=6), TREES, TREES)
def test_any_tree_gives_a_rule_or_located_problems(extra, selection, condition):
    """Rules that are nearly right must not break the reader either."""
    rule = {
        "title": "T",
        "logsource": {"service": "profguard", "category": "perf"},
        "detection": {"a": selection, "condition": condition},
        **extra,
    }
    problems, rules = [], []
    for document in parse(yaml.safe_dump(rule), "x.yml", problems):
        found = read_document(document, "x", {}, problems)
        assert found or any(problem.severity == "error" for problem in problems)
        rules += [found] if found else []
    assert all(problem.place.path == "x.yml" for problem in problems)
    pack.rule_set(rules)
