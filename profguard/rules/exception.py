"""Writes a filter from a finding, and the case that it is tested with."""

import re
from collections.abc import Container, Iterable
from copy import deepcopy
from dataclasses import dataclass
from itertools import chain, count
from typing import Any

import yaml

from profguard.errors import UsageError
from profguard.rules.correlate.rule import Correlation
from profguard.rules.pack import RuleSet
from profguard.rules.rule import Detection, Rule
from profguard.rules.taxonomy import PRODUCT, SERVICE, LogSource
from profguard.rules.text import Text

# What identifies the two, whatever the event: no pid, no container id, nothing that changes.
_IDENTITY = (
    "process.executable",
    "process.user.name",
    "process.unit",
    "target.executable",
    "target.user.name",
    "target.unit",
)
# Programs that run others: what they run is in their first arguments only.
_INTERPRETER = re.compile(r"(python|perl|ruby|node|java|bash|dash|sh|php|lua)[0-9.]*$")
_MASKED = "[redacted]"


@dataclass(frozen=True)
class Written:
    """A filter and its cases as YAML; `name` is the file name of both, without suffix."""

    name: str
    filter: str
    cases: str


def write_exception(
    finding: dict[str, Any],
    rules: RuleSet,
    *,
    id: str,
    owner: str,
    reason: str,
    expires: str,
    taken: Container[str] = (),
) -> Written:
    """The exception for a finding in its public shape, for what made it and nothing else.

    Its name is none of those `taken`. Raises UsageError where no rule of the finding is loaded, or
    its actor is not known.
    """
    told = _detections(finding["finding"]["rules"], rules)
    selection = _selection(finding)
    title = f"{_base(selection['process.executable'])}, excepted from '{told[0].title}'"
    document = {
        "title": title[:256],
        "id": id,
        "description": f"Written from finding {finding['finding']['id']}: "
        f"{finding['finding']['message']}",
        "logsource": {key: value for key, value in _source(told)._asdict().items() if value},
        "filter": {
            "rules": [rule.id for rule in told],
            "selection": {name: _escaped(value) for name, value in selection.items()},
            "condition": "not selection",
        },
        "profguard": {"owner": owner, "reason": reason, "expires": expires},
    }
    name = _name(told[0], selection["process.executable"], taken)
    return Written(name, _yaml(document), _yaml(_cases(name, finding, told, selection)))


def excused(finding: dict[str, Any], rules: RuleSet) -> tuple[str, ...]:
    """What write_exception() would excuse: alike for findings that one exception is enough for.

    Raises UsageError as that does.
    """
    told = _detections(finding["finding"]["rules"], rules)
    selection = _selection(finding)
    return *(rule.id for rule in told), *(part for item in selection.items() for part in item)


def _detections(ids: Iterable[str], rules: RuleSet) -> list[Rule]:
    """The rules that made a finding; of a correlation, those that it correlates."""
    found: dict[Rule, None] = {}
    waiting = [rule for rule in map(rules.get, ids) if rule is not None]
    while waiting:
        rule = waiting.pop(0)
        if isinstance(rule, Correlation):
            waiting += [member.rule for member in rule.members]
        else:
            found[rule] = None
    if not found:
        hint = "--rules names where they are"
        raise UsageError.of("PG701", "no rule of this finding is loaded", hint)
    return list(found)


def _source(rules: list[Rule]) -> LogSource:
    """The log source of all these rules."""
    sources = {rule.logsource for rule in rules if isinstance(rule, Detection)}
    if len(sources) == 1 and all(isinstance(rule, Detection) for rule in rules):
        return sources.pop()
    ours = LogSource(PRODUCT, SERVICE)
    return ours if all(map(ours.covers, sources)) else LogSource(PRODUCT)


def _selection(finding: dict[str, Any]) -> dict[str, str]:
    found = {name: value for name in _IDENTITY if (value := _value_at(finding, name)) is not None}
    for name in ("process.unit", "target.unit"):
        if found.get(name, "").endswith(".scope"):  # of a login session: another one tomorrow
            del found[name]
    executable = found.get("process.executable")
    if executable is None:
        hint = "an exception without its executable would excuse everybody: write it by hand"
        raise UsageError.of("PG701", "the actor's executable is not known", hint)
    command_line = _value_at(finding, "process.command_line")
    if command_line and _INTERPRETER.search(executable):
        script = " ".join(command_line.split(" ")[:2])
        if _MASKED not in script:
            found["process.command_line|startswith"] = script
    if finding.get("target") is None and finding.get("relation"):
        found["relation"] = finding["relation"]
    return found


def _cases(
    name: str, finding: dict[str, Any], rules: list[Rule], selection: dict[str, str]
) -> dict[str, Any]:
    """One that is excused, the finding's own event, and the same by another program."""
    event_name = finding["event"]["name"]
    asked = [rule for rule in rules if event_name in rule.events] or rules
    fields = {source.name for rule in asked for source in rule.fields}
    wanted = sorted(fields | {name.partition("|")[0] for name in selection})
    event: dict[str, Any] = {"event": {"name": event_name, "time": finding["event"]["time"]}}
    for field in wanted:
        value = _value_at(finding, field)
        if value is not None and field not in ("event.name", "event.time"):
            _put(event, field, value)
    other = deepcopy(event)
    other.setdefault("process", {})["executable"] = "/another/program"
    return {
        "rule": name,
        "cases": [
            {"name": f"finding {finding['finding']['id']}", "match": True, "event": event},
            {"name": "the same by another program", "match": False, "event": other},
        ],
    }


def _value_at(nested: dict[str, Any], name: str) -> Any:
    """The value of a field in a public shape; None where it is absent."""
    node: Any = nested
    for step in _steps(name):
        node = node.get(step) if isinstance(node, dict) else None
    return node


def _put(nested: dict[str, Any], name: str, value: Any) -> None:
    *steps, last = _steps(name)
    for step in steps:
        nested = nested.setdefault(step, {})
    nested[last] = value


def _steps(name: str) -> list[str]:
    """The keys that lead to a field; a variable's name may have dots itself."""
    head, environ, variable = name.partition(".environ.")
    return [*head.split("."), *(["environ", variable] if environ else [])]


def _escaped(value: str) -> str:
    """A text as a rule writes it: its wildcards and backslashes are plain ones."""
    return str(Text((value,)))


def _name(rule: Rule, executable: str, taken: Container[str]) -> str:
    words = f"except_{_base(executable)}_{rule.file_name}".lower()
    name = re.sub(r"[^a-z0-9]+", "_", words).strip("_")[:70]
    numbered = (f"{name}_{number}" for number in count(2))
    return next(each for each in chain([name], numbered) if each not in taken)


def _base(path: str) -> str:
    return path.rpartition("/")[2] or path


def _yaml(document: dict[str, Any]) -> str:
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)
