"""Detections over the whole language of Sigma, and events that they are likely to meet, as data.

What is left out because pySigma and we differ in it stands in DEVIATIONS of test_oracle.py.
"""

from base64 import b64encode

from hypothesis import strategies as st

from profguard.model import RELATIONS
from tests.rules_engine.oracle import ENVIRON

PLACEHOLDERS = {"names": ["ab", "b*", "%"], "one": ["a?b"], "none": ["zz"]}

# Small alphabets, so that values meet: both cases, wildcards and escapes, what LIKE and GLOB take
# for wildcards, quotes. Letters beyond ASCII come in one case only.
TEXTS = (
    st.text("abAB*?\\%_'\"[]-/. \N{EN DASH}é", max_size=4)
    | st.text("ab%_", max_size=3)
    | st.text("a*?\\", max_size=3)
    | st.sampled_from(["a*b", "a\\b", "a\\\\b", "a\\*b", "\\", "\\\\", "\\\\*", "\\*", "a\\"])
    | st.sampled_from(["ab", "%", "10", "-5", "true", "null", "/bin/ab", " -a b", " /ab", "a\nb"])
)
WORDS = st.sampled_from(["a b", "AB", "curl", "cur", "cu", "'%é"])  # to be encoded
ASCII_WORDS = st.sampled_from(["a b", "AB", "curl", "cur", "cu"])
ENCODED = st.builds(
    lambda before, word, codec, after: b64encode(before + word.encode(codec) + after).decode(),
    st.sampled_from([b"", b"-", b"--", b"---"]),
    WORDS,
    st.sampled_from(["utf-8", "utf-16-le", "utf-16-be", "utf-16"]),
    st.sampled_from([b"", b"!", b"??", b"..."]),
)
KEYWORDS = st.text("abAB%_'[]-/. ", min_size=1, max_size=3) | st.integers(-20, 20)
NUMBERS = st.integers(-3, 3) | st.sampled_from([10, 1000, 1 << 40])
ADDRESSES = st.sampled_from(
    "10.1.2.3 10.200.0.1 11.1.2.3 192.168.1.77 172.16.5.1 0.0.0.0 fd12::1 fe80::1 fe80::a:b "
    "2001:db8::8 ::1".split()
)
NETWORKS = st.sampled_from(
    "10.0.0.0/8 10.0.0.0/9 192.168.0.0/16 192.168.1.64/26 172.16.5.1/32 172.16.0.0/12 fd00::/8 "
    "fe80::/10 2001:db8::/32".split()
)
EXPRESSIONS = st.sampled_from(
    r"a ^a b$ a.*b ^[ab]+ ^$ \* \\ a|% (?i)B [^ab] ^.{2,3}$ .*a.*b.*[ab] a.b \Ba \d ^é?a".split()
)
DASHED = st.sampled_from(["-a", " -a b", "/b -a", "a-b", "-", "--a", " - "])
PLACED = st.sampled_from(["%names%", "x%names%", "%one%", "%names%%one%", "%none%", "a%b", "%"])
TIME_PARTS = st.sampled_from([0, 1, 5, 22, 59, 2026])

TEXT_FIELDS = [
    "process.executable",
    "process.command_line",
    "process.name",
    "process.parent.name",
    "process.labels",
    "target.executable",
    "perf.pmu",
    ENVIRON,
]
NUMBER_FIELDS = ["process.pid", "target.user.id", "perf.cpu", "perf.ret", "perf.config"]
PLACES = ["contains", "startswith", "endswith"]


def one_or_more(values):
    return values | st.lists(values, min_size=1, max_size=3)


def two_or_more(values):
    return st.lists(values, min_size=2, max_size=3)


def item(fields, modifiers, values):
    """One `field|modifiers: value` with a field and a chain of modifiers from these."""
    return st.tuples(st.sampled_from(fields), st.sampled_from(modifiers), values).map(
        lambda made: ("|".join(filter(None, made[:2])), made[2])
    )


def text(modifiers, values):
    return item(TEXT_FIELDS, modifiers.split(), values)


def encoded(modifiers, values):
    return item(["process.command_line"], modifiers.split(), values)


def number(modifiers, values):
    return item(NUMBER_FIELDS, modifiers.split(), values)


ITEMS = st.one_of(
    item(TEXT_FIELDS, ["", "neq"], one_or_more(TEXTS | st.none() | st.integers(-20, 20))),
    text("cased cased|neq", one_or_more(TEXTS)),
    text("contains startswith endswith", one_or_more(TEXTS)),
    text("contains|cased cased|startswith endswith|cased contains|neq", one_or_more(TEXTS)),
    text("all contains|all all|endswith cased|contains|all", two_or_more(TEXTS)),
    text("re re|i re|m re|s|i re|neq", one_or_more(EXPRESSIONS)),
    text("re|all", two_or_more(EXPRESSIONS)),
    item([ENVIRON], ["cidr", "cidr|neq"], one_or_more(NETWORKS)),
    item(TEXT_FIELDS[:4] + NUMBER_FIELDS, ["exists"], st.booleans()),
    text("windash windash|contains contains|windash windash|cased", one_or_more(DASHED)),
    encoded("base64 base64|contains base64offset base64offset|contains", one_or_more(WORDS)),
    encoded("wide|base64|contains wide|base64offset|contains", one_or_more(ASCII_WORDS)),
    encoded("utf16be|base64offset|contains utf16|base64|contains", one_or_more(ASCII_WORDS)),
    text("expand expand|contains startswith|expand expand|cased", one_or_more(PLACED)),
    text("fieldref fieldref|neq", one_or_more(st.sampled_from(TEXT_FIELDS))),
    text("fieldref|contains fieldref|startswith fieldref|endswith", st.sampled_from(TEXT_FIELDS)),
    number("fieldref fieldref|neq", one_or_more(st.sampled_from(NUMBER_FIELDS))),
    item(NUMBER_FIELDS, ["", "neq"], one_or_more(NUMBERS | st.none())),
    number("lt lte gt gte lt|neq", one_or_more(NUMBERS | st.just(0.5))),
    item(
        ["event.time"],
        "minute hour day month year|gte hour|lt minute|neq day|lte".split(),
        one_or_more(TIME_PARTS),
    ),
    item(["relation"], ["", "neq"], one_or_more(st.sampled_from([*RELATIONS, "SELF"]))),
)
MAPS = st.lists(ITEMS, min_size=1, max_size=3).map(dict)
SELECTIONS = st.one_of(
    MAPS,
    st.lists(MAPS | KEYWORDS, min_size=1, max_size=3),
    st.lists(KEYWORDS, min_size=1, max_size=3),
    st.fixed_dictionaries({"|all": two_or_more(KEYWORDS)}),
)
CONDITIONS = st.recursive(
    st.sampled_from("a1|a2|b|_c|1 of a*|all of a*|all of them|1 of them|any of them|1 of *1|"
                    "all of _*|1 of *".split("|")),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(" and ".join),
        st.tuples(inner, inner).map(" or ".join),
        inner.map("not ({})".format),
        inner.map("not {}".format),
        inner.map("({})".format),
    ),
    max_leaves=6,
)  # fmt: skip
DETECTIONS = st.fixed_dictionaries(
    {
        "a1": SELECTIONS,
        "a2": SELECTIONS,
        "b": SELECTIONS,
        "_c": SELECTIONS,
        "condition": CONDITIONS | st.lists(CONDITIONS, min_size=1, max_size=2),
    }
)

PROCESSES = st.fixed_dictionaries(
    {},
    optional={
        "pid": st.integers(0, 3),
        "executable": TEXTS,
        "command_line": TEXTS | ENCODED,
        "name": TEXTS,
        "parent": st.fixed_dictionaries({"name": TEXTS}),
        "user": st.fixed_dictionaries({"id": st.integers(0, 3)}),
        "labels": st.lists(TEXTS, max_size=1),
        "environ": st.fixed_dictionaries({"APP": TEXTS | ADDRESSES}),
    },
)
TIMES = st.builds(
    "2026-{:02}-{:02}T{:02}:{:02}:{:02}Z".format,
    st.integers(1, 12),
    st.sampled_from([1, 5, 22, 28]),
    st.sampled_from([0, 1, 5, 22, 23]),
    st.sampled_from([0, 5, 59]),
    st.sampled_from([0, 59]),
)
EVENTS = st.fixed_dictionaries(
    {
        "event": TIMES.map(lambda time: {"name": "perf", "time": time}),
        "perf": st.fixed_dictionaries(
            {},
            optional={
                "pmu": TEXTS,
                "cpu": st.integers(-3, 3),
                "ret": st.integers(-3, 3),
                "config": st.sampled_from([0, 1, 10, 1000, 1 << 40]),
            },
        ),
    },
    optional={"process": PROCESSES, "target": PROCESSES, "relation": st.sampled_from([*RELATIONS])},
)
