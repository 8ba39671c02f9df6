"""What `make generate` writes is written, complete, and has the shape it promises."""

import re
import subprocess
import sys

import pytest

from profguard.codegen.docs import event_page, pages, reference
from profguard.events import BY_NAME, REGISTRY
from profguard.model import PROCESS_FIELDS

SECTIONS = [
    "Intro",
    "Description",
    "Arguments",
    "Hooks",
    "Example use",
    "Issues",
    "Related events",
]
BY_EVENT = pytest.mark.parametrize("spec", REGISTRY, ids=lambda spec: spec.name)


def test_nothing_generated_is_stale(pytestconfig):
    """Every generated file in the checkout is what the registry and the commands make of it."""
    done = subprocess.run(
        [sys.executable, "scripts/generate.py", "--check"],
        cwd=pytestconfig.rootpath,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"run `make generate`\n{done.stdout}{done.stderr}"


@BY_EVENT
def test_a_page_has_all_sections_in_order_and_none_is_empty(spec):
    page = event_page(spec)
    assert re.findall(r"^## (.*)$", page, re.MULTILINE) == SECTIONS
    bodies = re.split(r"^## .*$", page, flags=re.MULTILINE)[1:]
    assert all(body.strip() for body in bodies)
    assert spec.description, "an event says what it means"


@BY_EVENT
def test_a_page_says_everything_of_every_argument_and_hook(spec):
    rows = [line for line in event_page(spec).splitlines() if line.startswith("| ")]
    for arg in spec.public_args:
        assert arg.tags, f"{arg.name} says where it comes from"
        row = next(line for line in rows if line.startswith(f"| `{arg.name}` |"))
        assert f"| {', '.join(arg.tags)} |" in row
        assert arg.meaning.replace("|", r"\|") in row
    for hook in spec.hooks:
        assert f"| `{hook.name}` | {', '.join(hook.types)} | {hook.purpose} |" in rows


@BY_EVENT
def test_related_events_exist_and_are_others(spec):
    assert spec.related
    assert set(spec.related) <= BY_NAME.keys() - {spec.name}


def test_fields_page_has_every_process_field():
    page = pages()["docs/fields.md"]
    assert all(f"| `process.{name}` |" in page for name in PROCESS_FIELDS)


def test_the_reference_explains_each_bit_of_prof_flags():
    flags = next(arg for arg in reference(BY_NAME["prof"])["arguments"] if arg["name"] == "flags")
    assert flags["c_type"] == "unsigned long"
    assert flags["type"] == "int"
    assert flags["legend"]["of"] == "bit"
    assert flags["legend"]["names"]["0"] == "enable"
    assert flags["legend"]["names"]["16"] == "truncated"
