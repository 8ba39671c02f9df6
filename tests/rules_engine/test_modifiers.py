"""Every value modifier of the Sigma specification's appendix, by what it must match and not."""

import base64

import pytest

from profguard.errors import RuleError
from profguard.rules.matchers import TIME_PARTS
from profguard.rules.modifiers import MODIFIERS

# (item of a selection, value of the field, whether it matches)
TEXT = [
    # equality: whole value, case ignored
    ("{F}: perf", "perf", True),
    ("{F}: perf", "PERF", True),
    ("{F}: perf", "perf2", False),
    ("{F}: [a, b]", "B", True),
    ("{F}: [a, b]", "c", False),
    ("{F}: 'STRASSE'", "straße", True),
    ("{F}: ''", "", True),
    ("{F}: ''", "x", False),
    ("{F}: 1000", "1000", True),
    ("{F}: 0x10", "0x10", True),
    ("{F}: no", "no", True),
    ("{F}: true", "true", True),
    # contains, startswith, endswith
    ("{F}|contains: erf st", "perf stat", True),
    ("{F}|contains: ERF", "perf", True),
    ("{F}|contains: erf", "prof", False),
    ("{F}|contains: [x, rf]", "perf", True),
    ("{F}|contains: 'p?r'", "xxperfxx", True),
    ("{F}|contains: 'p*t'", "xx perf stat", True),
    ("{F}|contains: '100%'", "is 100% sure", True),
    ("{F}|startswith: /usr", "/USR/bin", True),
    ("{F}|startswith: /usr", "x/usr", False),
    ("{F}|startswith: [/usr, /opt]", "/opt/x", True),
    ("{F}|endswith: /perf", "/usr/bin/perf", True),
    ("{F}|endswith: /perf", "/usr/bin/perf2", False),
    ("{F}|endswith: ['/perf', '/gdb']", "/usr/bin/gdb", True),
    ("{F}|contains: 4625", "x 4625", True),
    ("{F}|contains: ''", "anything", True),
    # all
    ("{F}|contains|all: [perf, -a]", "perf record -a", True),
    ("{F}|contains|all: [perf, -a]", "perf record", False),
    ("{F}|all|contains: [perf, -a]", "perf record -a", True),
    # cased
    ("{F}|cased: Perf", "Perf", True),
    ("{F}|cased: Perf", "perf", False),
    ("{F}|contains|cased: Perf", "a Perf", True),
    ("{F}|contains|cased: Perf", "a perf", False),
    ("{F}|cased|endswith: '?X'", "yX", True),
    ("{F}|cased|endswith: '?X'", "yx", False),
    ("{F}|cased|neq: Perf", "perf", True),
    ("{F}|cased|expand: '%admins%'", "ROOT", False),
    ("{F}|cased|base64: 'cmd'", "y21k", False),
    ("{F}|cased|utf16le|base64: 'cmd'", "YwBtAGQA", True),
    ("{F}|cased|utf16le|base64: 'cmd'", "ywbtagqa", False),
    ("{F}|utf16le|cased: 'cmd'", "C\0M\0D\0", False),
    ("{F}|cased|windash|contains: ' -A'", "x /A", True),
    ("{F}|cased|windash|contains: ' -A'", "x /a", False),
    # neq: not equal to any of them
    ("{F}|neq: perf", "gdb", True),
    ("{F}|neq: perf", "PERF", False),
    ("{F}|neq: [a, b]", "c", True),
    ("{F}|neq: [a, b]", "b", False),
    ("{F}|neq: perf", None, True),
    ("{F}|contains|neq: erf", "perf", False),
    # re: searched for, case matters, as written (a backslash stays one)
    (r"{F}|re: '^p.rf\d+$'", "perf12", True),
    (r"{F}|re: '^p.rf\d+$'", "Perf12", False),
    (r"{F}|re: 'rf'", "perf", True),
    (r"{F}|re|i: '^PERF$'", "perf", True),
    (r"{F}|re|m: '^b$'", "a\nb", True),
    (r"{F}|re: '^b$'", "a\nb", False),
    (r"{F}|re|s: 'a.b'", "a\nb", True),
    (r"{F}|re: 'a.b'", "a\nb", False),
    (r"{F}|re|i|m|s: '^B.C$'", "a\nb\nc", True),
    (r"{F}|re: ['x', 'rf']", "perf", True),
    (r"{F}|re: 'a\\b'", r"a\b", True),
    (r"{F}|re|i: '^PERF$'", "perl", False),
    (r"{F}|re|m: '^b$'", "a\nbc", False),
    (r"{F}|re|m: 'a.b'", "a\nb", False),
    (r"{F}|re|s: 'a.b'", "ab", False),
    (r"{F}|re|s: '^b'", "a\nb", False),
    (r"{F}|re: 'a*'", "x", True),  # as SQL's and every engine's search: no wildcard of Sigma
    (r"{F}|re|neq: '^p'", "perf", False),
    (r"{F}|re|neq: '^p'", None, True),
    (r"{F}|re|all: ['p', 'f$']", "perf", True),
    (r"{F}|re|all: ['p', 'f$']", "perl", False),
    (r"{F}|re: '.*foo.*bar.*baz'", "x foo\nbar baz", False),
    (r"{F}|re: '.*foo.*bar.*baz'", "x foo bar bar baz", True),
    # encodings
    ("{F}|base64: 'cmd'", "Y21k", True),
    ("{F}|utf16le|base64: 'cmd'", "YwBtAGQA", True),
    ("{F}|wide|base64: 'cmd'", "YwBtAGQA", True),
    ("{F}|utf16be|base64: 'cmd'", "AGMAbQBk", True),
    ("{F}|utf16|base64: 'cmd'", "//5jAG0AZAA=", True),
    ("{F}|utf16le: 'cmd'", "c\0m\0d\0", True),
    ("{F}|utf16: 'cmd'", "\xff\xfec\0m\0d\0", True),
    ("{F}|base64: 'cmd'", "Y21kZQ==", False),
    ("{F}|wide|base64: 'cmd'", "Y21k", False),
    ("{F}|utf16be|base64: 'cmd'", "YwBtAGQA", False),
    ("{F}|utf16|base64: 'cmd'", "YwBtAGQA", False),
    ("{F}|utf16le|base64: 'cmd'", "AGMAbQBk", False),
    ("{F}|utf16le|base64: 'é'", "6QA=", True),
    ("{F}|base64offset|contains: 'curl'", base64.b64encode(b"-curl-").decode(), True),
    ("{F}|base64offset|contains: 'curl'", base64.b64encode(b"--curl--").decode(), True),
    ("{F}|base64offset|contains: 'curl'", base64.b64encode(b"--cur-l--").decode(), False),
    ("{F}|wide|base64offset|contains: 'curl'", base64.b64encode(b"-c\0u\0r\0l\0").decode(), True),
    ("{F}|base64|contains: 'cmd'", "echo Y21k", True),
    ("{F}|base64: ['x', 'cmd']", "Y21k", True),
    ("{F}|base64: 4625", base64.b64encode(b"4625").decode(), True),
    ("{F}|base64: 'ä'", base64.b64encode("ä".encode()).decode(), True),
    (r"{F}|base64: '\*'", base64.b64encode(b"*").decode(), True),
    # windash: an option's dash, whichever it is; dashes inside words stay
    ("{F}|windash|contains: ' -p '", "perf /p 1", True),
    ("{F}|windash|contains: ' -p '", "perf \N{EN DASH}p 1", True),
    ("{F}|windash|contains: ' -p '", "perf \N{EM DASH}p 1", True),
    ("{F}|windash|contains: ' -p '", "perf \N{HORIZONTAL BAR}p 1", True),
    ("{F}|windash|contains: ' /p '", "perf -p 1", True),
    ("{F}|contains|windash: ' -p '", "perf /p 1", True),
    ("{F}|windash: 'a-b'", "a/b", False),
    ("{F}|windash: '\N{EM DASH}a'", "-a", True),
    ("{F}|windash|contains: ' -a -b'", "x /a \N{EN DASH}b", True),
    ("{F}|windash|contains: ' -p '", "perf +p 1", False),
    ("{F}|windash: [-a, -b]", "/b", True),
    ("{F}|windash: '-p*'", "/pid", True),
    ("{F}|windash|contains: '-a -b'", "x /a -b", True),
    # cidr
    ("{F}|cidr: 10.0.0.0/8", "10.1.2.3", True),
    ("{F}|cidr: 10.0.0.0/8", "11.1.2.3", False),
    ("{F}|cidr: 10.0.0.0/8", "not an address", False),
    ("{F}|cidr: 192.168.1.64/26", "192.168.1.127", True),
    ("{F}|cidr: 192.168.1.64/26", "192.168.1.128", False),
    ("{F}|cidr: 10.0.0.1", "10.0.0.1", True),
    ("{F}|cidr: 10.0.0.0/8", "10.x", False),
    ("{F}|cidr: 0.0.0.0/0", "fe80::1", False),
    ("{F}|cidr: 10.0.0.0/8", None, False),
    ("{F}|cidr|neq: 10.0.0.0/8", "11.0.0.1", True),
    ("{F}|cidr: '2001:db8::/32'", "2001:0DB8:0000::1", True),
    ("{F}|cidr: '::1/128'", "::1", True),
    ("{F}|cidr: 'fd00::/8'", "fd12::1", True),
    ("{F}|cidr: 'fd00::/8'", "10.0.0.1", False),
    ("{F}|cidr: [192.168.0.0/16, 'fe80::/10']", "fe80::1", True),
    # expand
    ("{F}|expand: '%admins%'", "root", True),
    ("{F}|expand: '%admins%'", "OPS-1", True),
    ("{F}|expand: '%admins%'", "alice", False),
    ("{F}|expand: '/home/%admins%/bin'", "/home/root/bin", True),
    (r"{F}|expand: '\%admins\%'", "%admins%", True),
    (r"{F}|expand: '\%plain%port%'", "%plain22", True),
    ("{F}: '%admins%'", "%admins%", True),
    ("{F}|expand|contains: '%port%'", "x 22 y", True),
    ("{F}|contains|expand: '%port%'", "x 22 y", True),
    # exists and null
    ("{F}|exists: true", "", True),
    ("{F}|exists: true", None, False),
    ("{F}|exists: false", None, True),
    ("{F}|exists: false", "x", False),
    ("{F}|exists: false", "", False),
    ("{F}|neq: [null, a]", None, False),
    ("{F}|neq: [null, a]", "b", True),
    ("{F}|cased: null", None, True),
    ("{F}: null", None, True),
    ("{F}: null", "", False),
    ("{F}: [null, a]", None, True),
    ("{F}: [null, a]", "a", True),
    ("{F}|neq: null", "a", True),
    ("{F}|contains: x", None, False),
    ("{F}: ''", None, False),
    ("{F}: '*'", "", True),
    ("{F}: '*'", None, False),
    # fieldref: against the parent's name, which is "bash"
    ("{F}|fieldref: process.parent.name", "BASH", True),
    ("{F}|fieldref: process.parent.name", "sh", False),
    ("{F}|fieldref|cased: process.parent.name", "BASH", False),
    ("{F}|cased|fieldref: process.parent.name", "BASH", False),
    ("{F}|cased|fieldref: process.parent.name", "bash", True),
    ("{F}|fieldref|cased|startswith: process.parent.name", "BASH -c", False),
    ("{F}|fieldref|startswith: process.parent.name", "bash -c x", True),
    ("{F}|fieldref|endswith: process.parent.name", "/bin/bash", True),
    ("{F}|fieldref|contains: process.parent.name", "a bash b", True),
    ("{F}|fieldref|neq: process.parent.name", "sh", True),
    ("{F}|fieldref: process.parent.executable", "x", False),
]  # fmt: skip

PLACEHOLDERS = {"admins": ["root", "ops-*"], "port": 22}


@pytest.mark.parametrize(("item", "value", "expected"), TEXT, ids=lambda one: repr(one)[:50])
def test_text(matches, item, value, expected):
    process = {"parent": {"name": "bash"}}
    if value is not None:
        process["command_line"] = value
    detection = "selection:\n  " + item.replace("{F}", "process.command_line")
    event = {"process": process}
    assert matches(detection, event, placeholders=PLACEHOLDERS) is expected


NUMBERS = [
    ("{F}: 3", 3, True),
    ("{F}: 3", 4, False),
    ("{F}: [3, 4]", 4, True),
    ("{F}: 0x10", 16, True),
    ("{F}|lt: 5", 4, True),
    ("{F}|lt: 5", 5, False),
    ("{F}|lte: 5", 5, True),
    ("{F}|lte: 5", 6, False),
    ("{F}|gt: 5", 6, True),
    ("{F}|gt: 5", 5, False),
    ("{F}|gte: 5", 5, True),
    ("{F}|gte: 5", 4, False),
    ("{F}|gt: 4.5", 5, True),
    ("{F}|gt: -1", 0, True),
    ("{F}|lt: 5", None, False),
    ("{F}|neq: 5", 4, True),
    ("{F}|neq: 5", 5, False),
    ("{F}: null", None, True),
    ("{F}|exists: true", 0, True),
    ("{F}|fieldref: process.user.id", 7, True),
    ("{F}|fieldref: process.user.id", 8, False),
    ("{F}|gt: 18446744073709551614", 18446744073709551615, True),
]


@pytest.mark.parametrize(("item", "value", "expected"), NUMBERS, ids=repr)
def test_numbers(matches, item, value, expected):
    event = {"process": {"user": {"id": 7}}, "perf": {} if value is None else {"config": value}}
    detection = "selection:\n  " + item.replace("{F}", "perf.config")
    assert matches(detection, event, category="perf") is expected


TIMES = [
    ("event.time|minute: 4", True),
    ("event.time|hour: 3", True),
    ("event.time|hour: [1, 2]", False),
    ("event.time|day: 2", True),
    ("event.time|week: 1", True),
    ("event.time|month: 1", True),
    ("event.time|year: 2026", True),
    ("event.time|year: 2025", False),
    ("event.time|hour|gte: 3", True),
    ("event.time|hour|lt: 3", False),
    ("event.time|hour|neq: 3", False),
    ("event.time|minute: 5", False),
    ("event.time|minute|neq: 5", True),
    ("event.time|day: 3", False),
    ("event.time|day|lte: 2", True),
    ("event.time|week: 2", False),
    ("event.time|month: 2", False),
    ("event.time|month|gt: 1", False),
    ("event.time|year|gte: 2026", True),
    ("event.time|startswith: 2026-01-02T03", True),
    ("process.start_time|hour: 22", True),
]


@pytest.mark.parametrize(("item", "expected"), TIMES)
def test_times(matches, item, expected):
    event = {
        "event": {"time": "2026-01-02T03:04:05.000000006Z"},
        "process": {"start_time": "2026-01-01T22:00:00Z"},
    }
    assert matches(f"selection:\n  {item}", event) is expected


LISTS = [
    ("process.labels: production", True),
    ("process.labels: PRODUCTION", True),
    ("process.labels|cased: PRODUCTION", False),
    ("process.labels: [other, web]", True),
    ("process.labels: [other, ohter]", False),
    ("process.labels|startswith: prod", True),
    ("process.labels|all: [production, web]", True),
    ("process.labels|all: [production, other]", False),
    ("process.labels|neq: production", False),
    ("process.labels|neq: other", True),
    ("process.labels: '*'", True),
    ("process.labels|re: '^w.b$'", True),
    ("process.ancestors: null", True),
    ("process.labels: null", False),
    ("process.ancestors|exists: false", True),
    ("process.labels|fieldref: process.name", True),
    ("process.name|fieldref: process.labels", True),
    ("sched_process_exec.argv: --flag", True),
    ("sched_process_exec.argv|contains: fla", True),
]


@pytest.mark.parametrize(("item", "expected"), LISTS)
def test_lists_match_by_any_element(matches, item, expected):
    event = {
        "process": {"labels": ["production", "web"], "name": "Web"},
        "sched_process_exec": {"argv": ["x", "--flag"]},
    }
    assert matches(f"selection:\n  {item}", event) is expected


def test_numbers_in_lists(matches):
    event = {"prof": {"events": [1, 16777217]}}
    assert matches("selection:\n  prof.events|gt: 16777216", event, category="prof")
    assert not matches("selection:\n  prof.events: 5", event, category="prof")


@pytest.mark.parametrize("offset", [0, 1, 2])
@pytest.mark.parametrize("value", ["/bin/bash", "x", "http://", "ab"])
def test_base64offset_finds_the_value_at_any_offset(matches, value, offset):
    for tail in (b"", b"!", b"??"):
        text = base64.b64encode(b"-" * offset + value.encode() + tail).decode()
        if len(value) > 2:  # a shorter one leaves hardly a character that is its own
            detection = f"selection:\n  process.command_line|base64offset|contains|cased: '{value}'"
            assert matches(detection, {"process": {"command_line": text}})


def test_an_absent_target_answers_like_absent_fields(matches):
    assert matches("selection:\n  target.labels|neq: production", {})
    assert matches("selection:\n  target.pid: null", {})
    assert not matches("selection:\n  target.pid|gt: 0", {})


# (item, code, part of the message, part of the hint)
WRONG = [
    ("process.name|contians: x", "PG104", "contians", "did you mean 'contains'?"),
    ("process.name|contains|startswith: x", "PG105", "exclude each other", "keep one"),
    ("process.name|contains|contains: x", "PG105", "given twice", "remove"),
    ("process.name|all: [x]", "PG105", "more than one", "second selection"),
    ("process.name|all: x", "PG105", "more than one", "second selection"),
    ("process.name|all|neq: [x, y]", "PG105", "exclude", "negate"),
    ("process.name|i: x", "PG105", "flag of re", "re|i"),
    ("process.name|contains|i: x", "PG105", "flag of re", "re|i"),
    ("process.name|re|contains: x", "PG105", "takes text", "anchors"),
    ("process.name|re|cased: x", "PG105", "takes text", "anchors"),
    ("process.name|contains|re: x", "PG105", "before", ""),
    ("process.name|re: '(a'", "PG105", "regular expression at character", ""),
    ("process.name|re: '*a'", "PG105", "nothing to repeat", ""),
    ("process.name|base64: 'a*'", "PG105", "wildcards", r"\*"),
    ("process.name|contains|base64: a", "PG105", "wildcards", "last"),
    ("process.name|cidr: 10.0.0.1/8", "PG105", "not a network", "10.0.0.0/8"),
    ("process.name|cidr: x", "PG105", "not a network", "10.0.0.0/8"),
    ("process.name|exists: yes", "PG105", "true or false", "without quotes"),
    ("process.name|exists: 1", "PG105", "true or false", ""),
    ("process.name|exists: [true]", "PG105", "one value", ""),
    ("process.name|exists|contains: true", "PG105", "alone", "second selection"),
    ("process.pid|lt: many", "PG105", "a number", "without quotes"),
    ("process.pid|lt|gt: 5", "PG105", "exclude", ""),
    ("process.pid|lt: true", "PG105", "a number", ""),
    ("process.pid|contains: 5", "PG111", "is a number", ""),
    ("process.pid: bash", "PG111", "is a number", "compare it"),
    ("process.pid: '12'", "PG111", "is a number", "write 12 without quotes"),
    ("process.pid: true", "PG111", "is a number", ""),
    ("process.name|gt: 5", "PG111", "is text", "are for numbers"),
    ("process.name|hour: 5", "PG111", "is text", ""),
    ("event.time|gt: 5", "PG111", "is a time", ""),
    ("process.name|fieldref: process.pid", "PG111", "process.pid a number", ""),
    ("process.name|fieldref: process.nmae", "PG103", "process.nmae", "process.name"),
    ("process.name|expand: '%admnis%'", "PG117", "%admnis%", "did you mean 'admins'?"),
    ("process.name|expand: '%zzz%'", "PG117", "%zzz%", "configuration"),
    ("process.name|contains: null", "PG105", "not null", ""),
    ("process.name: {a: b}", "PG108", "a value is", "dots"),
    ("process.name: []", "PG108", "empty", ""),
    (f"process.name|windash: '{' -a' * 6}'", "PG105", "too many dashes", "re"),
    ("event.source: lvie", "PG118", "lvie", "did you mean 'live'?"),
    ("event.tier: kprob", "PG118", "kprob", "did you mean 'kprobe'?"),
    ("relation: cross", "PG118", "cross", "cross-uid"),
    ("relation|startswith: crss", "PG118", "crss", ""),
    ("relation|cased: Self", "PG118", "Self", "self"),
]


@pytest.mark.parametrize(("item", "code", "message", "hint"), WRONG, ids=lambda one: one[:40])
def test_wrong_use(matches, item, code, message, hint):
    """Each wrong use is one problem with its code, its line, and a hint where one helps."""
    with pytest.raises(RuleError) as caught:
        matches(f"selection:\n  {item}", {}, placeholders=PLACEHOLDERS)
    [problem] = caught.value.problems
    assert problem.code == code
    assert message in problem.message
    assert hint in (problem.hint or "")
    assert problem.place.line == 5
    assert problem.place.text.strip() == item


APPENDIX = (
    "all startswith endswith contains exists cased neq windash re i m s base64 base64offset "
    "utf16le utf16be utf16 wide lt lte gt gte minute hour day week month year cidr expand "
    "fieldref"
).split()


def test_the_modifiers_are_those_of_the_specification():
    """The appendix's list, so that one cannot get lost."""
    assert set(APPENDIX) == set(MODIFIERS)
    assert set(TIME_PARTS) <= set(APPENDIX)


@pytest.mark.parametrize("name", MODIFIERS)
def test_every_modifier_has_rows_that_match_and_rows_that_do_not(name):
    rows = [*((item, expected) for item, _, expected in (*TEXT, *NUMBERS)), *TIMES, *LISTS]
    found = {expected for item, expected in rows if name in item.split(":")[0].split("|")[1:]}
    assert found == {True, False}


def test_a_number_without_a_name_is_its_decimal_text(matches):
    """Of an enumerated argument; one that has a name is never shown as a number."""
    event = {"perf_ioctl": {"cmd": "9999"}}
    for written in ("9999", "'9999'", "[9999, ENABLE]"):
        assert matches(f"selection:\n  perf_ioctl.cmd: {written}", event, category="perf_ioctl")
    with pytest.raises(RuleError) as caught:
        matches("selection:\n  perf_ioctl.cmd: 9216", {}, category="perf_ioctl")
    [problem] = caught.value.problems
    assert (problem.code, problem.hint) == ("PG118", "write its name: ENABLE")
