"""The tools: how each is run at which target, and what the sensor must tell of it.

In a command PID and PORT stand for those of the target, PROGRAM for what starts it, OUT for a
folder of this run's own, and HEADERS for the folder with the headers of a kernel.
"""

from tests.tools.inside import INSIDE
from tests.tools.outside import OUTSIDE

TOOLS = (*OUTSIDE, *INSIDE)
