"""`profguard events`: the reference on the command line."""

import json

import jsonschema
import pytest
from click.testing import CliRunner

from profguard.cli.events import events
from profguard.codegen.docs import event_page
from profguard.codegen.schemas import event_schema
from profguard.events import REGISTRY


def run(*arguments):
    done = CliRunner().invoke(events, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


def test_the_list_names_every_event_with_its_summary():
    lines = run().splitlines()[1:]
    assert [line.split(maxsplit=1) for line in lines] == [[s.name, s.summary] for s in REGISTRY]


@pytest.mark.parametrize("spec", REGISTRY, ids=lambda spec: spec.name)
def test_one_event_is_shown_as_its_page(spec):
    assert run(spec.name) == event_page(spec)


def test_json_has_one_object_an_event_that_agrees_with_the_schema():
    """Its arguments are those that events of that name have."""
    schema = event_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    for line in run("--json").splitlines():
        item = json.loads(line)
        assert item["type"] == "event_reference"
        arguments = [arg["name"] for arg in item["arguments"]]
        assert arguments == list(schema["$defs"][item["name"]]["properties"])
