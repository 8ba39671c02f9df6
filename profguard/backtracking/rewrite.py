r"""The same question to a text, asked so that Python's engine finds the answer sooner.

Only whether a pattern is found matters here, not where. Each of these costs one more power of the
text's length than it must:

- A repeat at the beginning: `.*foo` is found where `foo` is.
- A class that is repeated beside a dot: `.*\s+-o` is found where `.*\s-o` is, but for newlines,
  which the dot does not take: they are asked for by themselves.
- A dot that is repeated more than once: in `foo.*bar.*baz` the first `bar` after a `foo` is as good
  as any later one, so it is looked for once, in an atomic group.
"""

import re
from functools import cache
from re import _constants as ops
from re import _parser

from profguard.backtracking.automaton import TooLargeError, automaton_of

_FLAGS = re.compile(r"\(\?[aimsu]+\)")
_CLASS = r"\\[wWdDsS]|\[\^?\]?(?:[^\]\\]|\\.)*\]|[^\\.\[\](){}*+?|^$]"
_TOKEN = re.compile(
    rf"(?P<dots>\.[*+])\??(?!\+)|(?P<one>{_CLASS})(?P<times>[*+])\??(?!\+)|\\.|{_CLASS}|.",
    re.DOTALL,
)
# Verbose patterns, and those that refer to what a group has matched.
_PARTICULAR = re.compile(r"\(\?[a-zA-Z]*x|\\[1-9]|\(\?P=|\(\?\(")


def quicker(source: str) -> str:
    """A pattern that is found in exactly the texts in which this valid one is."""
    if not ("*" in source or "+" in source) or _PARTICULAR.search(source):
        return source
    start = _FLAGS.match(source)
    flags = start[0] if start else ""
    try:
        rest = _beside_dots(_without_leading(source[len(flags) :]))
        return flags + _looked_for_once(rest)
    except (TooLargeError, RecursionError):
        return source


def _without_leading(source: str) -> str:
    match = _TOKEN.match(source)
    if match is None or not (match["dots"] or match["times"]):
        return source
    one, times = ("." if match["dots"] else match["one"]), match[0].rstrip("?")[-1]
    kept = one if times == "+" else ""
    shorter = kept + source[match.end() :]
    try:
        whole, left = (list(_parser.parse(text)) for text in (source, shorter))
    except re.error:  # it goes on with a quantifier
        return source
    # With alternatives, what stands first in the text is not what comes first in the pattern.
    begins = bool(whole) and whole[0][0] in (ops.MAX_REPEAT, ops.MIN_REPEAT)
    return shorter if begins and repr(whole[1:]) == repr(left[len(kept) > 0 :]) else source


def _beside_dots(source: str) -> str:
    """Repeats of a class right before or after a repeated dot, as one of the class."""
    tokens = list(_TOKEN.finditer(source))
    made = []
    for index, token in enumerate(tokens):
        before = index > 0 and tokens[index - 1]["dots"]
        after = index + 1 < len(tokens) and tokens[index + 1]["dots"]
        if not token["times"] or not (before or after):
            made.append(token[0])
            continue
        one = token["one"]
        crossing = _takes_newline(one)
        least = one if token["times"] == "+" else ""
        if before and crossing:
            made.append(r"\n?" if after else rf"(?:\n{one}*)?")
        made.append(least)
        if after and crossing:
            made.append(rf"(?:{one}*\n)?")
    return "".join(made)


def _looked_for_once(source: str) -> str:
    pieces = _pieces(source)
    if pieces is None:
        return source
    (_, first), *rest = pieces
    last = len(rest) - 1
    return first + "".join(
        f"(?>{dots}?{piece})" if index < last and _is_plain(piece) else dots + piece
        for index, (dots, piece) in enumerate(rest)
    )


def _pieces(source: str) -> list[tuple[str, str]] | None:
    """The parts of a pattern between `.*` (or `.+`), each with the one before it.

    None where the pattern has alternatives outside of groups.
    """
    found = [("", "")]
    depth = 0
    for match in _TOKEN.finditer(source):
        text = match[0]
        if depth == 0 and match["dots"]:
            found.append((match["dots"], ""))
            continue
        if text == "|" and depth == 0:
            return None
        depth += (text == "(") - (text == ")")
        dots, piece = found[-1]
        found[-1] = (dots, piece + text)
    return found


def _is_plain(piece: str) -> bool:
    """Whether every match is equally long and within a line: then the first is the best one."""
    try:
        least, most = _parser.parse(piece).getwidth()
    except re.error:  # a quantifier of the dot before it
        return False
    return least == most > 0 and not _takes_newline(piece)


@cache
def _takes_newline(piece: str) -> bool:
    tree = _parser.parse(piece)
    return automaton_of(tree, tree.state.flags, anchored=True).takes("\n")
