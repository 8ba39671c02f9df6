"""The configuration as text: TOML that reads back the same, and a schema that is one."""

import json
import re
import tomllib
from pathlib import Path

import jsonschema
from hypothesis import given
from hypothesis import strategies as st

from profguard.config import Config, as_dict, as_toml, config_schema, defaults_as_toml, parse
from profguard.config.spec import SECTIONS, Alert, LabelDefinition, Rules

FILE = Path("/srv/guard.toml")
VALIDATOR = jsonschema.Draft202012Validator(config_schema())


def test_the_shown_defaults_are_the_defaults():
    """Every value stands there: as it is, or for an alert behind a comment sign."""
    text = defaults_as_toml()
    data = tomllib.loads(text)
    assert as_dict(parse(text, FILE)) == as_dict(Config())
    for name, kind in SECTIONS.items():
        assert data[name].keys() == set(kind.__struct_fields__)
    for name in Alert.__struct_fields__:
        assert re.search(rf"^# {name} =", text, re.MULTILINE)


def test_the_examples_among_the_shown_defaults_are_right():
    example = r"(?m)^# (production|approved-profiler|our-profiler|\[\[alerts|name|sink|min_level)"
    config = parse(re.sub(example, r"\1", defaults_as_toml()), FILE)
    assert [label.name for label in config.labels] == ["production", "approved-profiler"]
    assert [tool.name for tool in config.tools] == ["our-profiler"]
    assert [alert.name for alert in config.alerts] == ["oncall"]


names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,8}", fullmatch=True)
texts = st.text(st.characters(codec="utf-8"), max_size=8)
selections = st.dictionaries(
    texts, texts | st.integers(-(2**63), 2**63 - 1) | st.lists(texts, max_size=2), min_size=1
)
labels = st.builds(
    LabelDefinition,
    name=names,
    selection=selections | st.lists(selections, min_size=1, max_size=2),
    source=st.none(),
)
alerts = st.builds(
    Alert,
    name=names,
    sink=names,
    min_level=st.sampled_from(["low", "critical"]),
    rules=st.lists(texts, max_size=2).map(tuple),
    timeout_s=st.floats(0.1, 300),
)
configs = st.builds(
    Config,
    rules=st.builds(
        Rules,
        placeholders=st.dictionaries(texts, st.lists(texts, max_size=2).map(tuple), max_size=2),
    ),
    labels=st.lists(labels, max_size=3, unique_by=lambda label: label.name).map(tuple),
    tools=st.lists(labels, max_size=3, unique_by=lambda tool: tool.name).map(tuple),
    alerts=st.lists(alerts, max_size=3, unique_by=lambda alert: alert.name).map(tuple),
)


@given(configs)
def test_any_configuration_shown_as_toml_reads_back_the_same_and_fits_the_schema(config):
    assert as_dict(parse(as_toml(config), FILE)) == as_dict(config)
    VALIDATOR.validate(json.loads(json.dumps(as_dict(config))))


def test_every_value_is_explained_in_the_schema():
    VALIDATOR.check_schema(VALIDATOR.schema)
    for name, section in VALIDATOR.schema["$defs"].items():
        for key, value in section["properties"].items():
            assert value.get("description"), f"{name}.{key}"
