"""The tools: how each is run at which target, and what the sensor must tell of it.

In a command PID and PORT stand for those of the target, PROGRAM for what starts it, OUT for a
folder of this run's own, and HEADERS for the folder with the headers of a kernel.
"""

from dataclasses import replace

from profguard.events import BY_NAME
from tests.tools.inside import INSIDE
from tests.tools.outside import OUTSIDE
from tests.tools.tool import Tool


def _of_today(tool: Tool) -> Tool:
    """What a tool is told by may not be an event yet."""
    if all(name in BY_NAME for name in tool.events):
        return tool
    return replace(tool, events=(), mechanism=None, note="no event tells of this yet")


TOOLS = tuple(map(_of_today, (*OUTSIDE, *INSIDE)))
