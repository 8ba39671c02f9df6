"""`profguard record` and `replay`: events to a file, and the rules over them later."""

import platform
from pathlib import Path

import click

from profguard import capture
from profguard.cli import options
from profguard.cli.output import json_option, say
from profguard.config import Config, load
from profguard.errors import UsageError, did_you_mean
from profguard.events import BY_NAME
from profguard.findings.redact import Redactor
from profguard.model import Event
from profguard.sensor import rights
from profguard.wanted import EVERYTHING


@click.command()
@click.argument("names", metavar="[EVENT]...", nargs=-1)
@click.option(
    "-o",
    "--output",
    required=True,
    type=options.PATH,
    metavar="FILE",
    help="Where to.",
)
@options.config
@options.seconds
@options.tier
@options.loader
def record(names, output, config, seconds, tier, loader) -> None:
    """Record live events, all or those named, to a file that `profguard replay` reads.

    \b
    Examples:
      profguard record -o all.jsonl --for 10
      profguard record -o perf.jsonl prof perf perf_ioctl    nothing else is attached
    """
    from profguard.assembly import assemble, load_rules  # slow to import, and --help is not
    from profguard.pipeline import run_live

    for name in names:
        if name not in BY_NAME:
            raise UsageError.of(
                "PG701", f"no event is called '{name}'", did_you_mean(name, BY_NAME)
            )
    options.check_loader(loader, tier)
    settings = load(config)
    rule_set = load_rules(settings)  # which environment variables matter
    sensor = options.sensor(settings, tier, loader, wanted=lambda: EVERYTHING.only(names))
    recorder = None
    sensor.open()
    try:
        rights.drop()
        recorder = Recorded(output, names, sensor.clock.now_ns(), settings)
        assembly = assemble(settings, rule_set, [recorder])
        going_on = options.until(seconds)
        assembly.table.snapshot()
        say(f"Recording to {output}. Ctrl-C ends.", err=True)
        run_live(sensor, assembly.pipeline, going_on)
    finally:
        sensor.close()
        if recorder:
            recorder.close()
    say(f"{recorder.count} events recorded, {sensor.totals['dropped']} lost.", err=True)


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
@click.option(
    "--format",
    "form",
    type=click.Choice(list(capture.FORMATS)),
    default="profguard",
    show_default=True,
    help="Who wrote the events.",
)
@options.config
@options.rules
@options.db
@options.events
@json_option
def replay(file, form, config, rules, db, events, as_json) -> None:
    """Run the rules over recorded events: same capture, same findings. "-" is standard input.

    Findings are shown, stored only where --db says so, and no alerts are sent.

    With --format tracee the events are those that `tracee --output json` prints. What Tracee and
    profguard both know is judged by the same rules, as far as Tracee tells it: of a target its pid
    only, so no labels, and of a perf event not what it measures. Rego signatures get every event as
    Tracee printed it.

    \b
    Examples:
      profguard replay all.jsonl
      tracee --output json | profguard replay - --format tracee
      profguard replay all.jsonl --rules my-rules --json
      profguard run --json --events | profguard replay - --rules my-rules
    """
    replay_file(file, load(config), rules, db, form=form, events=events, as_json=as_json)


def replay_file(
    file: str,
    settings: Config,
    rules,
    db,
    *,
    form: str = "profguard",
    events: bool,
    as_json: bool,
) -> None:
    """Drive the pipeline from a file of events."""
    from profguard.assembly import assemble, load_rules
    from profguard.cli import screen
    from profguard.findings.store import Store
    from profguard.keeping import Keeping
    from profguard.pipeline import run_replay

    output = screen.choose(settings, events=events, as_json=as_json)
    rule_set = load_rules(settings, rules)
    rule_set.report_to(options.warn)
    kept = (
        [Keeping(settings, rule_set, Store(db), alerts=False, on_trouble=options.warn)]
        if db
        else []
    )
    try:
        pipeline = assemble(settings, rule_set, [*kept, output]).pipeline
        for keeping in kept:
            keeping.follow(pipeline.sessions)
        run_replay(capture.read(file, form), pipeline)
    finally:
        for keeping in kept:
            keeping.close()
    output.summary(None)
