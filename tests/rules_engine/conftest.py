import textwrap

import pytest

from profguard.errors import RuleError
from profguard.model import Event
from profguard.rules import interpret, pack
from profguard.rules.source import parse


def _rules(text, placeholders=None):
    """The RuleSet of a YAML text and all problems, without touching a file."""
    problems = []
    documents = parse(textwrap.dedent(text), "rule.yml", problems)
    broken = set()
    parts = pack.read_documents(documents, "rule", placeholders or {}, problems, broken)
    return pack.rule_set(parts, problems, broken)


@pytest.fixture
def rules_of():
    """A function: RuleSet of a YAML text that must be without errors."""

    def build(text, placeholders=None):
        found = _rules(text, placeholders)
        errors = [p for p in found.problems if p.severity == "error"]
        if errors:
            raise RuleError(*errors)
        return found

    return build


@pytest.fixture
def problems_of():
    """A function: what is wrong with a YAML text, as (code, line, column) with the problem."""

    def build(text, placeholders=None):
        return list(_rules(text, placeholders).problems)

    return build


@pytest.fixture
def matches(rules_of):
    """A function: whether a detection matches an event, by compiled and by interpreted rule."""

    def build(detection, event, *, category="sched_process_exec", placeholders=None):
        text = (
            f"title: T\nlogsource: {{product: linux, service: profguard, category: {category}}}\n"
            "detection:\n" + textwrap.indent(textwrap.dedent(detection).strip("\n"), "  ")
        )
        if "condition:" not in detection:
            text += "\n  condition: selection\n"
        rules = rules_of(text, placeholders)
        known = Event.from_dict({**event, "event": {"name": category, **event.get("event", {})}})
        compiled = bool(rules.match(known))
        assert compiled == interpret.matches(rules.rules[0].condition, known)
        return compiled

    return build
