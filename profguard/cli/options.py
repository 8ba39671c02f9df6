"""Options that several commands share, and when a command ends by itself."""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click

from profguard.errors import UsageError
from profguard.sensor import tiers

# What opens it says why it cannot, with a code of its own.
PATH = click.Path(path_type=Path, readable=False)

config = click.option("--config", type=PATH, help="Configuration file (TOML).")
rules = click.option(
    "--rules",
    type=PATH,
    multiple=True,
    metavar="DIR",
    help="Rules to use instead; repeatable. `shipped` names those of the program.",
)
db = click.option("--db", type=PATH, help="Database of findings.")
events = click.option("--events", is_flag=True, help="Show every event too.")
seconds = click.option(
    "--for", "seconds", type=click.FloatRange(min=0), help="Stop by itself after so many seconds."
)

tier = click.option(
    "--tier",
    type=click.Choice(tiers.CHOICES),
    default=tiers.AUTO,
    show_default=True,
    help="How probes are attached; auto takes the best that this kernel allows, probe by probe.",
)

loader = click.option(
    "--loader",
    type=click.Choice(tiers.LOADERS),
    default=tiers.LIBBPF,
    show_default=True,
    help="How probes are loaded; bcc compiles them here, for a kernel without type information.",
)


def check_loader(loader: str, tier: str) -> None:
    """Raise UsageError where a loader does not have that tier."""
    if loader == tiers.BCC and tier not in (tiers.AUTO, tiers.OF_BCC):
        raise UsageError.of(
            "PG702",
            f"with --loader {loader} there is no tier {tier}",
            f"leave out --tier: it attaches what it can as {tiers.OF_BCC}",
        )


def sensor(settings, tier: str, loader: str, **more):
    """The Sensor of a configuration and of these options; `more` as it takes it."""
    from profguard.lookout import Lookout
    from profguard.sensor.live import Sensor  # not every command that has options has a sensor

    return Sensor(
        tier=tier,
        loader=loader,
        ring_bytes=settings.sensor.ring_mb << 20,
        max_rate=settings.sensor.max_rate,
        lookout=Lookout(settings.sensor.agents),
        **more,
    )


def until(seconds: float | None) -> Callable[[], bool]:
    """Whether to go on: true until that time is over, or SIGINT or SIGTERM comes.

    A second signal has its usual effect: the first may wait for a reader that has stopped.
    """
    stopped: list[int] = []

    def stop(number: int, _frame) -> None:
        stopped.append(number)
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    end = None if seconds is None else time.monotonic() + seconds
    return lambda: not stopped and (end is None or time.monotonic() < end)


def at_hangup(reload: Callable[[], None]) -> None:
    """Call that at SIGHUP. Where SIGHUP says that the terminal is gone it ends the run."""
    had_terminal = sys.stdout.isatty()

    def hangup(_number: int, _frame) -> None:
        if had_terminal and not sys.stdout.isatty():
            os.kill(os.getpid(), signal.SIGTERM)
        else:
            reload()

    signal.signal(signal.SIGHUP, hangup)


def warn(trouble: str) -> None:
    """Log what keeps findings or alerts waiting."""
    import structlog  # slow to import, and most runs have no trouble

    from profguard.cli import logs

    logs.configure()
    structlog.get_logger().warning(trouble)
