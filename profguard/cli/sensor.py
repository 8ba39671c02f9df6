"""`profguard run`, `record` and `replay`: the pipeline, driven from the command line."""

import platform
import signal
import time
from collections.abc import Callable
from pathlib import Path

import click

from profguard import __version__, capture, resources
from profguard.assembly import Assembly, Run, assemble, assemble_stored, load_rules
from profguard.cli.output import json_option, say
from profguard.cli.screen import Json, Screen
from profguard.config import Config, load
from profguard.errors import SensorError, UsageError, did_you_mean
from profguard.events import BY_NAME
from profguard.findings.redact import Redactor
from profguard.findings.store import Store
from profguard.model import Event
from profguard.pipeline import run_live, run_replay, status
from profguard.sensor.live import Sensor

_path = click.Path(path_type=Path)
_config = click.option("--config", type=_path, help="Configuration file (TOML).")
_rules = click.option(
    "--rules", type=_path, multiple=True, metavar="DIR", help="Rules to use instead; repeatable."
)
_db = click.option("--db", type=_path, help="Database of findings.")
_events = click.option("--events", is_flag=True, help="Show every event too.")
_seconds = click.option(
    "--for", "seconds", type=click.FloatRange(min=0), help="Stop by itself after so many seconds."
)


def until(seconds: float | None) -> Callable[[], bool]:
    """Whether to go on: true until that time is over, or SIGINT or SIGTERM comes."""
    stopped: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda caught, _frame: stopped.append(caught))
    end = None if seconds is None else time.monotonic() + seconds
    return lambda: not stopped and (end is None or time.monotonic() < end)


@click.command()
@_config
@_rules
@_db
@_events
@json_option
@_seconds
@click.option("--tier", type=click.Choice(["tracepoint"]), default="tracepoint", help="Probe tier.")
@click.option("--loader", type=click.Choice(["libbpf"]), default="libbpf", help="BPF loader.")
@click.option("--or-replay", is_flag=True, help="Where the kernel refuses, replay a capture.")
def run(config, rules, db, events, as_json, seconds, tier, loader, or_replay) -> None:
    """Watch this machine and report what the rules object to.

    \b
    Examples:
      profguard run                                  shipped rules, findings on the screen
      profguard run --config /etc/profguard/profguard.toml
      profguard run --rules my-rules --db ./my.db --for 60
      profguard run --json --events                  everything, one JSON object a line
    """
    del loader
    settings = load(config)
    redactor = Redactor(settings.redact.patterns)
    screen = (Json if as_json else Screen)(redactor, events=events)
    rule_set = load_rules(settings, rules)
    store = Store(db or Path(settings.store.path))
    sensor = Sensor(tier=tier, ring_bytes=settings.sensor.ring_mb << 20)
    try:
        sensor.open()
    except SensorError as error:
        if not or_replay:
            raise
        _replay_instead(error, settings, rules, as_json=as_json)
        return
    assembly = assemble_stored(settings, rule_set, [screen], store, alerts=True, on_trouble=_warn)
    try:
        _watch(sensor, assembly, store, seconds, as_json=as_json)
    finally:
        sensor.close()
        assembly.close()
    screen.summary(sensor.counts)


def _warn(trouble: str) -> None:
    import structlog  # slow to import, and most runs have no trouble

    from profguard.cli import logs

    logs.configure()
    structlog.get_logger().warning(trouble)


def _watch(sensor: Sensor, assembly: Assembly, store: Store, seconds, *, as_json: bool) -> None:
    going_on = until(seconds)
    assembly.table.snapshot()
    record = Run(assembly.writer)
    if not as_json:
        rules = len([rule for rule in assembly.rules.rules if rule.enabled and rule.event])
        say(f"profguard {__version__}: {rules} rules, {sensor.tier} tier, findings in {store.path}")
        say("Watching. Ctrl-C ends.")
    for probe in sensor.probes:
        if probe.refusal:
            reason = f"{probe.event}: {probe.hook}: {probe.refusal}"
            assembly.pipeline.take(status("degraded", sensor.clock.now_ns(), reason))
            if not as_json:
                say(f"degraded: {reason}", err=True)
    assembly.pipeline.take(status("armed", sensor.clock.now_ns()))
    assembly.pipeline.flush()
    run_live(sensor, assembly.pipeline, going_on)
    assembly.pipeline.take(status("stopped", sensor.clock.now_ns()))
    assembly.pipeline.flush()
    record.stopped("asked to", *_totals(sensor))


def _totals(sensor: Sensor) -> tuple[int, int]:
    counts = sensor.counts.values()
    return sum(count.received for count in counts), sum(count.dropped for count in counts)


def _replay_instead(error: SensorError, settings: Config, rules, *, as_json: bool) -> None:
    say(error.render(), err=True)
    path = resources.folder("captures") / "demo.jsonl"
    say(f"Replaying {path} instead: what follows was recorded on another machine.", err=True)
    _replay(str(path), settings, rules, None, events=False, as_json=as_json)


@click.command()
@click.argument("names", metavar="[EVENT]...", nargs=-1)
@click.option("-o", "--output", required=True, type=_path, metavar="FILE", help="Where to.")
@_config
@_seconds
def record(names, output, config, seconds) -> None:
    """Record live events, all or those named, to a file that `profguard replay` reads.

    \b
    Examples:
      profguard record -o all.jsonl --for 10
      profguard record -o perf.jsonl prof perf perf_ioctl
    """
    for name in names:
        if name not in BY_NAME:
            raise UsageError.of(
                "PG701", f"no event is called '{name}'", did_you_mean(name, BY_NAME)
            )
    settings = load(config)
    sensor = Sensor(ring_bytes=settings.sensor.ring_mb << 20)
    recorder = None
    sensor.open()
    try:
        recorder = Recorded(output, names, sensor.clock.now_ns(), settings)
        assembly = assemble(settings, load_rules(settings), [recorder])
        going_on = until(seconds)
        assembly.table.snapshot()
        say(f"Recording to {output}. Ctrl-C ends.", err=True)
        run_live(sensor, assembly.pipeline, going_on)
    finally:
        sensor.close()
        if recorder:
            recorder.close()
    say(f"{recorder.count} events recorded, {_totals(sensor)[1]} lost.", err=True)


class Recorded:
    """The output that writes a capture, redacted, of the events with these names."""

    def __init__(self, path: Path, names, started_ns: int, settings: Config):
        self._names, self._redactor = frozenset(names), Redactor(settings.redact.patterns)
        self._recorder = capture.Recorder(path, started_ns, platform.node())

    @property
    def count(self) -> int:
        return self._recorder.events

    def event(self, event: Event) -> None:
        if not self._names or event.spec.name in self._names or event.spec.name == "lost_events":
            self._recorder.write(self._redactor.event(event))

    def changes(self, changes) -> None:
        """A capture has events only: replaying it finds the same again."""

    def flush(self) -> None:
        self._recorder.flush()

    def close(self) -> None:
        self._recorder.close()


@click.command()
@click.argument("file")
@click.option("--format", "kind", type=click.Choice(["profguard"]), default="profguard")
@_config
@_rules
@_db
@_events
@json_option
def replay(file, kind, config, rules, db, events, as_json) -> None:
    """Run the rules over recorded events: same capture, same findings. "-" is standard input.

    Findings are shown, stored only where --db says so, and no alerts are sent.

    \b
    Examples:
      profguard replay all.jsonl
      profguard replay all.jsonl --rules my-rules --json
      profguard run --json --events | profguard replay - --rules my-rules
    """
    del kind
    _replay(file, load(config), rules, db, events=events, as_json=as_json)


def _replay(file: str, settings: Config, rules, db, *, events: bool, as_json: bool) -> None:
    screen = (Json if as_json else Screen)(Redactor(settings.redact.patterns), events=events)
    rule_set = load_rules(settings, rules)
    if db:
        assembly = assemble_stored(
            settings, rule_set, [screen], Store(db), alerts=False, on_trouble=_warn
        )
    else:
        assembly = assemble(settings, rule_set, [screen])
    try:
        run_replay(capture.read(file), assembly.pipeline)
    finally:
        assembly.close()
    if not as_json:
        say(f"\n{screen.findings} finding{'' if screen.findings == 1 else 's'}.")
