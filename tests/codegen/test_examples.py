"""The example rules of the reference are rules: they load, and they are about their event."""

import pytest

from profguard.events import REGISTRY
from profguard.rules import load

WITH_RULE = [spec for spec in REGISTRY if spec.example]


@pytest.mark.parametrize("spec", WITH_RULE, ids=lambda spec: spec.name)
def test_the_example_of_an_event_is_a_rule_about_it(spec, tmp_path):
    path = tmp_path / f"{spec.name}.yml"
    path.write_text(spec.example)
    rules = load([path])
    assert [rule.event for rule in rules.rules] == [spec.name]
    assert rules.rules[0].condition is not None


def test_every_event_of_the_kernel_but_fork_has_an_example():
    """A fork feeds the process table; the sensor's own events are for dashboards, not for rules."""
    without = {spec.name for spec in REGISTRY if not spec.example}
    assert without == {"sched_process_fork", "lost_events", "folded_events", "sensor_status"}
