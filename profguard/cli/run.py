"""`profguard run`: the sensor, from the kernel to the screen, the database and the receivers.

Loading the probes takes as long as importing all that a pipeline needs, and needs no Python: both
happen at the same time. Which probes those are the rules say, so these are read before. That is why
this module imports late, and some of it later still.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

import click

from profguard import __version__, resources
from profguard.cli import options
from profguard.cli.output import json_option, number, say
from profguard.config import load
from profguard.errors import SensorError
from profguard.sensor import rights
from profguard.sensor.live import Sensor
from profguard.wanted import EVERYTHING, Wanted


@click.command()
@options.config
@options.rules
@options.db
@options.events
@json_option
@options.seconds
@options.tier
@options.loader
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
    options.check_loader(loader, tier)
    settings = load(config)
    try:
        watch(settings, rules, db, seconds, tier, loader, events=events, as_json=as_json)
    except SensorError as error:
        if not or_replay:
            raise
        _replay_instead(error, settings, rules, as_json=as_json)


def watch(
    settings, rules, db, seconds, tier, loader, *, events=False, as_json=False, learning=False
) -> None:
    """Run a sensor to its end. Raises SensorError where the kernel refuses.

    `learning`: no alerts, and nobody will ask `db` for what was found.
    """
    wanted: SimpleQueue[Wanted] = SimpleQueue()
    sensor = options.sensor(settings, tier, loader, wanted=wanted.get)
    with _opening(sensor, wanted) as wait_until_open:
        _run(
            sensor,
            wanted,
            wait_until_open,
            settings,
            rules,
            db,
            events=events,
            seconds=seconds,
            as_json=as_json,
            learning=learning,
        )


@contextmanager
def _opening(sensor: Sensor, wanted: SimpleQueue) -> Iterator[Callable[[], None]]:
    """Open the sensor in the background; what this gives waits for it, or raises its refusal.

    It gets as far as it can without an answer in `wanted`.
    """
    failures: list[Exception] = []

    def attempt() -> None:
        try:
            sensor.open()
        except Exception as error:  # noqa: BLE001 - raised again in the thread that waits
            failures.append(error)

    def wait() -> None:
        thread.join()
        if failures:
            raise failures[0]

    thread = Thread(target=attempt)  # a pool would keep a thread, and that all its rights
    thread.start()
    try:
        yield wait
    finally:
        wanted.put(EVERYTHING)  # the thread may be waiting still
        thread.join()
        if not failures:
            sensor.close()


def _run(
    sensor, wanted, wait_until_open, settings, rules, db, *, events, seconds, as_json, learning
) -> None:
    from profguard.assembly import assemble, load_rules, rule_paths
    from profguard.reload import Reloader
    from profguard.rules import RuleSet

    if events:
        wanted.put(EVERYTHING)
    paths = rule_paths(settings, rules)

    def read() -> RuleSet:
        found = load_rules(settings, rules)
        found.report_to(options.warn)
        return found

    reloader = Reloader(paths, read, lambda load: _told(load, keeping))
    rule_set = reloader.first().rules
    wanted.put(rule_set.wanted)
    from profguard import metrics
    from profguard.cli import screen
    from profguard.context.hasher import Hasher
    from profguard.findings.store import Store
    from profguard.keeping import Keeping

    output = screen.choose(settings, events=events, as_json=as_json)
    listener = metrics.listen(settings)  # a low port asks for a right that is given up
    wait_until_open()
    rights.drop()
    store = Store(db or Path(settings.store.path))
    keeping = Keeping(
        settings,
        rule_set,
        store,
        alerts=not learning,
        on_trouble=options.warn,
        hasher=Hasher(),
    )
    try:
        assembly = assemble(settings, rule_set, [keeping, output])
        keeping.remember(assembly.engine)
        output.begin(
            f"profguard {__version__}: {number(rule_set.in_force, 'rules')}, "
            + ("no alerts" if learning else f"findings in {store.path}"),
            None if learning else _listing(db, store),
        )
        end_run, reason = keeping.begin_run(sensor.opened_ns), "failed"
        keeping.follow(assembly.pipeline.sessions)
        try:
            engine = assembly.engine
            sources = metrics.Sources(
                sensor,
                keeping,
                reloader,
                store,
                lambda: engine.rule_errors,
                lambda: engine.forgotten,
            )
            _watch(assembly, sources, listener, seconds)
            reason = "asked to"
        finally:
            reloader.close()
            end_run(stopped_ns=sensor.clock.now_ns(), reason=reason, **sensor.totals)
    finally:
        keeping.close()
    output.summary(sensor.counts)


def _listing(db: Path | None, store) -> str:
    """The command that shows what was found."""
    return f"profguard findings list --db {store.path}" if db else "profguard findings list"


def _told(load, keeping) -> None:
    """Record and log what became of reading the rules, in the reloader's thread."""
    keeping.loaded(load)
    if load.cause != "start":
        from profguard.cli import logs

        with suppress(OSError):  # nobody reads stderr any more
            logs.rules(load)


def _watch(assembly, sources, listener, seconds: float | None) -> None:
    from profguard import metrics
    from profguard.pipeline import run_live, status

    sensor, reloader, pipeline = sources.sensor, sources.reloader, assembly.pipeline
    clock = sensor.clock

    def swap() -> None:
        while load := reloader.ready():
            before = assembly.put_in_force(load)
            state = "rules_reloaded" if load.rules else "rules_refused"
            pipeline.take(status(state, clock.now_ns(), load.reason))
            if load.rules and (lacking := sensor.wanted.lacks(load.rules.wanted)):
                reason = f"restart: no probe tells these rules of {', '.join(lacking)}"
                pipeline.take(status("degraded", clock.now_ns(), reason))
            reloader.done(load, before)

    going_on = options.until(seconds)
    options.at_hangup(reloader.ask)
    assembly.table.snapshot()
    assembly.enricher.on_labelled = sensor.mark_labelled
    if sensor.wanted.labels:
        assembly.enricher.tell_quiet(sensor.wanted.labels, sensor.mark_quiet)
    for probe in sensor.probes:
        if probe.refusal:
            reason = f"{', '.join(probe.events)}: {probe.refusal}"
            pipeline.take(status("degraded", clock.now_ns(), reason))
    pipeline.take(status("armed", clock.now_ns()))
    pipeline.flush()
    # What these import would have kept the sensor from being armed.
    reloader.start(assembly.table.prepare)
    with metrics.serving(listener, sources):
        run_live(sensor, pipeline, going_on, swap)
    pipeline.take(status("stopped", clock.now_ns()))
    pipeline.flush()


def _replay_instead(error: SensorError, settings, rules, *, as_json: bool) -> None:
    from profguard.cli.captures import replay_file

    say(error.render(), err=True)
    path = resources.folder("captures") / "demo.jsonl"
    say(f"Replaying {path} instead: what follows was recorded on another machine.", err=True)
    replay_file(str(path), settings, rules, None, events=False, as_json=as_json)
