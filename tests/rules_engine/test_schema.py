"""What an editor shows as wrong with the schema of rules: the misspelt, at its place, only that.

Two validators must agree on it: editors use many.
"""

from pathlib import Path

import jsonschema_rs
import pytest
from jsonschema import Draft202012Validator

from profguard.resources import folder
from profguard.rules.schema import PUBLIC_SCHEMAS, public_schema, rule_schema
from profguard.rules.source import parse

SCHEMA = rule_schema()
PYTHON = Draft202012Validator(SCHEMA)
RUST = jsonschema_rs.validator_for(SCHEMA)

RULE = """\
title: T
logsource: {product: linux, service: profguard, category: perf}
detection:
  a: {perf.pmu: cpu, process.pid|gt: 0}
  b:
    - {perf.state: ACTIVE, process.executable|endswith: [/a, /b]}
    - word
  condition: a or b
level: high
"""
GENERIC = """\
title: T
logsource: {product: linux, category: process_creation}
detection:
  a: {Image|endswith: /x, CommandLine: y, process.user.id: 0, CurrentDirectory: /tmp}
  condition: a
"""
CORRELATION = """\
title: T
correlation: {type: event_count, rules: [aa, bb], group-by: [process.pid], timespan: 5m,
              condition: {gte: 3}}
"""
FILTER = """\
title: T
logsource: {product: linux, service: profguard, category: perf}
filter: {rules: [aa], selection: {perf.pmu: cpu}, condition: not selection}
"""


def wrong(document):
    """Where a document is wrong, as each validator says."""
    return (
        sorted(".".join(map(str, error.absolute_path)) for error in PYTHON.iter_errors(document)),
        sorted(".".join(map(str, error.instance_path)) for error in RUST.iter_errors(document)),
    )


def changed(text, old, new):
    assert old in text
    [document] = parse(text.replace(old, new), "rule.yml", [])
    return document.value


def test_it_is_a_schema():
    Draft202012Validator.check_schema(SCHEMA)


A = "{perf.pmu: cpu, process.pid|gt: 0}"
# (document, old, new)
GOOD = {
    "rule": (RULE, "", ""),
    "generic": (GENERIC, "", ""),
    "correlation": (CORRELATION, "", ""),
    "filter": (FILTER, "", ""),
    "keywords": (RULE, A, "[{perf.pmu|contains|cased: [cpu, x]}, keyword, 5]"),
    "patterns of a value": (RULE, A, "{perf.state: [active, 'in*'], process.environ.X|re|i: y}"),
    "number without a name": (RULE, A, "{perf.state: [-9, '-9']}"),
    "null, number, all": (RULE, A, "{'|all': [a, b], target.labels: null, perf.cpu: 3}"),
    "key": (RULE, "level: high", "profguard: {message: x, suppress: {by: [a], for: 10m}}"),
    "key of a filter": (FILTER, "title: T", "title: T\nprofguard: {owner: x}"),
    "key of a correlation": (CORRELATION, "title: T", "title: T\nprofguard: {message: x}"),
    "filter of all rules": (FILTER, "[aa]", "any"),
    "range": (CORRELATION, "gte: 3", "gt: 3, lte: 5"),
    "what is absent": (CORRELATION, "title: T", "title: T\nprofguard: {absent: [cc], until: [dd]}"),
    "until when": (FILTER, "title: T", "title: T\nprofguard: {expires: 2027-01-31}"),
    "any event's filter": (
        FILTER,
        ", category: perf}\nfilter: {rules: [aa], selection: {perf.pmu: cpu}",
        "}\nfilter: {rules: [aa], selection: {process.pid: 1}",
    ),
    "foreign": (RULE, "service: profguard, category: perf", "category: file_event"),
    "list of conditions": (RULE, "condition: a or b", "condition: [a, b]"),
}


@pytest.mark.parametrize(("text", "old", "new"), GOOD.values(), ids=list(GOOD))
def test_what_is_right_passes(text, old, new):
    assert wrong(changed(text, old, new)) == ([], [])


# (document, old, new, where it is wrong)
BAD = {
    "field": (RULE, "perf.pmu:", "perf.pmuu:", "detection.a"),
    "field of another event": (RULE, "perf.pmu:", "prof.mode:", "detection.a"),
    "field in a list": (RULE, "perf.state", "perf.stat", "detection.b.0"),
    "modifier": (RULE, "pid|gt", "pid|greater", "detection.a"),
    "second modifier": (RULE, "|endswith", "|endswith|case", "detection.b.0"),
    "value": (RULE, "ACTIVE", "ACTVE", "detection.b.0.perf.state"),
    "value in a list": (RULE, "ACTIVE", "[OFF, ACTVE]", "detection.b.0.perf.state.1"),
    "type": (RULE, "process.pid|gt: 0", "process.pid: x", "detection.a.process.pid"),
    "list in a list": (
        RULE, "[/a, /b]", "[/a, [b]]", "detection.b.0.process.executable|endswith.1",
    ),
    "selection": (RULE, A, "5", "detection.a"),
    "category": (RULE, "category: perf", "category: prf", "logsource.category"),
    "product": (RULE, "product: linux", "product: windows", "logsource.product"),
    "no category": (RULE, ", category: perf", "", "logsource"),
    "level": (RULE, "high", "hihg", "level"),
    "no title": (RULE, "title: T\n", "", ""),
    "key": (RULE, "level: high", "profguard: {mesage: x}", "profguard"),
    "duration": (RULE, "level: high", "profguard: {suppress: {for: 10}}", "profguard.suppress.for"),
    "generic field": (GENERIC, "Image", "Imag", "detection.a"),
    "generic field of ours": (GENERIC, "process.user.id", "process.userid", "detection.a"),
    "correlation's type": (CORRELATION, "event_count", "event_cont", "correlation.type"),
    "correlation's rules": (CORRELATION, "rules: [aa, bb], ", "", "correlation"),
    "correlation's comparison": (CORRELATION, "gte: 3", "gtee: 3", "correlation.condition"),
    "correlation's timespan": (CORRELATION, "5m", "5 m", "correlation.timespan"),
    "correlation's key": (
        CORRELATION, "title: T", "title: T\nprofguard: {abscent: [a]}", "profguard",
    ),
    "filter's key": (FILTER, "title: T", "title: T\nprofguard: {ownr: x}", "profguard"),
    "filter's last day": (
        FILTER, "title: T", "title: T\nprofguard: {expires: soon}", "profguard.expires",
    ),
    "any event's field": (FILTER, ", category: perf", "", "filter.selection"),
    "filter's field": (FILTER, "perf.pmu", "perf.pmuu", "filter.selection"),
    "filter's rules": (FILTER, "rules: [aa], ", "", "filter"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "old", "new", "where"), BAD.values(), ids=list(BAD))
def test_what_is_misspelt_is_shown_at_its_place(text, old, new, where):
    in_python, in_rust = wrong(changed(text, old, new))
    assert set(in_python) == set(in_rust) == {where}


@pytest.mark.parametrize("path", sorted(folder("rules").rglob("*.yml")), ids=lambda path: path.stem)
def test_the_shipped_rules_pass(path):
    [document] = parse(path.read_text(), path.name, [])
    assert wrong(document.value) == ([], [])


@pytest.mark.parametrize("kind", PUBLIC_SCHEMAS)
def test_the_public_schemas_are_as_published(kind):
    found = public_schema(kind)
    assert found["title"].startswith("Sigma ")
    assert kind in found["required"]
    text = (Path(folder("schemas")) / PUBLIC_SCHEMAS[kind]).read_text()
    assert "profguard" not in text
