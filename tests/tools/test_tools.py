"""Real tools at real programs: what the sensor tells of each is what happened."""

import pytest

from tests.live.harness import LiveSensor
from tests.tools.catalog import TOOLS
from tests.tools.targets import LABELS, Targets
from tests.tools.watch import Watch

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def watch(tmp_path_factory):
    sensor = LiveSensor(tmp_path_factory.mktemp("sensor"), config=LABELS)
    yield Watch(sensor, Targets(tmp_path_factory.mktemp("targets")))
    assert sensor.stop() == 0, sensor.errors()


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.slug)
def test_a_tool_is_told_as_it_is(watch, tool):
    """Its events; one finding with mechanism, actor, target and tool; one session, and its end."""
    assert list(watch.run(tool).problems()) == []
