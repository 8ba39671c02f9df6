"""`profguard selftest`: what the sensor sees of every mechanism, tried on this machine."""

from collections import Counter
from dataclasses import asdict

import click

from profguard.cli import options
from profguard.cli.output import emit, json_option, number, say, table
from profguard.config import load


@click.command()
@options.config
@options.tier
@options.loader
@json_option
def selftest(config, tier, loader, as_json) -> None:
    """Do everything that the sensor sees to a process of its own, and say what was seen of it.

    Real system calls, and nothing else on this machine is touched. Each event must name who did it
    and to whom. Ends with 1 where an event is missing that this kernel's probes should tell, with 4
    where the sensor cannot run.

    \b
    Examples:
      profguard selftest
      profguard selftest --json
      profguard selftest --tier tracepoint   what is seen without hooks at functions
    """
    from profguard.selftest.watch import run  # slow to import, and --help is not

    options.check_loader(loader, tier)
    settings = load(config)
    sensor = options.sensor(settings, tier, loader)
    sensor.open()
    try:
        results = run(sensor, settings)
    finally:
        sensor.close()
    if as_json:
        for result in results:
            emit({"type": "selftest", **asdict(result)})
    else:
        _show(results)
    if any(result.is_failure for result in results):
        raise click.exceptions.Exit(1)


def _show(results) -> None:
    rows, shown = [], None
    for result in results:
        act = "" if result.act == shown else result.act
        shown = result.act
        rows.append((act, _what(result), result.verdict, result.tier, result.note))
    table(("act", "event", "verdict", "tier", "note"), rows)
    counts = Counter(result.verdict for result in results)
    seen = f"{counts.pop('seen', 0)} of {number(len(results), 'events')} seen"
    say("\n" + ", ".join((seen, *(f"{count} {verdict}" for verdict, count in counts.items()))))


def _what(result) -> str:
    """The event, and those of its arguments that tell one from the other."""
    said = (str(value) for name, value in result.args.items() if name not in ("ret", "type"))
    return " ".join((result.event, *said))
