"""Patterns asked in a quicker way are found in the same texts."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from profguard.backtracking import quicker

REWRITTEN = {
    ".*foo": "foo",
    ".+foo": ".foo",
    ".*?foo": "foo",
    r"\w+\d+x": r"\w\d+x",
    "[]a]*b": "b",
    "(?i).*foo": "(?i)foo",
    "foo.*bar": "foo.*bar",
    "foo.*bar.*baz": "foo(?>.*?bar).*baz",
    ".*a.+b.*?(?:cd|ef).*g": "a(?>.+?b)(?>.*?(?:cd|ef)).*g",
    "a.* +-o": "a.* -o",
    r"a.*\d+-o": r"a.*\d-o",
    r"a\w*.*b": "a.*b",
    r"curl.*\s+-o": r"curl.*(?:\n\s*)?\s-o",
    r"sh\s+.+b": r"sh\s(?:\s*\n)?.+b",
    r"a.*\s+.*b": r"a.*\n?\s(?:\s*\n)?.*b",
    # left as they are
    r"\.*x": r"\.*x",
    "a*b|a*c": "a*b|a*c",
    ".*a|b": ".*a|b",
    "a|b.*c.*d": "a|b.*c.*d",
    "a.*b+.*c": "a(?>.*?b).*c",
    "a.*bb?.*c": "a.*bb?.*c",  # which end is the best one?
    "a.*[^b].*c": "a.*[^b].*c",  # may be a newline, that the next .* does not cross
    r"(a).*b.*\1": r"(a).*b.*\1",
    "(?x)a .* b .* c": "(?x)a .* b .* c",
    "^.*a": "^.*a",
}


@pytest.mark.parametrize(("source", "expected"), REWRITTEN.items(), ids=ascii)
def test_rewritten(source, expected):
    assert quicker(source) == expected


PIECES = st.sampled_from(
    [".*", ".+", ".*?", "a", "b", "ab", r"\w", r"\w+", r"\s", r"\s*", r"\s+", "a*", "[ab]", "[^a]",
     "[^a]*", "a+", "(?:a|b)", "(?:a|bb)", "(a)", "(.*a)", "(?=b)", "(?<=a)", r"\b", "^", "$", "|",
     "a?", r"\n", "(?:a.*b)", r"(?:.*\s+)?", "b{2}", r"\.", r"[.*]", "."]
)  # fmt: skip
SOURCES = st.tuples(
    st.sampled_from(["", "(?i)", "(?s)", "(?m)"]), st.lists(PIECES, max_size=7).map("".join)
).map("".join)


@settings(max_examples=1_500, deadline=None)
@given(SOURCES, st.lists(st.text("abA\n .", max_size=9), min_size=4, max_size=8))
@example("a.*b.*b", ["a\nbb", "ab\nb", "abb", "a b"])
@example("(?s).+a.+b.+", ["aab", "\na\nb\n", "xaxbx"])
def test_a_rewritten_pattern_is_found_in_the_same_texts(source, texts):
    try:
        written = re.compile(source)
    except re.error:
        return
    made = re.compile(quicker(source))
    for text in texts:
        assert bool(made.search(text)) == bool(written.search(text))
