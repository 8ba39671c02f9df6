"""From the boot clock, which the kernel stamps events with, to wall-clock time."""

import time

_STEP_NS = 1_000_000  # a difference beyond this is a step of the wall clock, not noise


def measure_boot_to_wall_ns() -> int:
    """What to add to a boot time to get ns since the epoch; the closest of three readings."""
    best = None
    for _ in range(3):
        before = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        wall = time.time_ns()
        after = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        if best is None or after - before < best[0]:
            best = (after - before, wall - (before + after) // 2)
    return best[1]


class Clock:
    """Follows the wall clock: when it is set, events from then on get the new time."""

    def __init__(self):
        self.boot_to_wall_ns = measure_boot_to_wall_ns()

    def follow(self) -> None:
        now = measure_boot_to_wall_ns()
        if abs(now - self.boot_to_wall_ns) > _STEP_NS:
            self.boot_to_wall_ns = now

    def now_ns(self) -> int:
        """Ns since the epoch, on the same scale as the events."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) + self.boot_to_wall_ns
