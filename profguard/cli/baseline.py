"""`profguard baseline`: what is normal on this host, as exceptions for a person to review."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path

import click

from profguard.cli import options
from profguard.cli.database import config_option, db_option, open_store
from profguard.cli.exceptions import (
    EXPIRES_AFTER,
    check,
    folder_option,
    owner_option,
    write,
)
from profguard.cli.output import emit, json_option, number, say, table
from profguard.cli.stored import Moment
from profguard.errors import UsageError
from profguard.findings.document import document
from profguard.findings.query import Filter, Query
from profguard.model import LEVELS


@click.command()
@click.option(
    "--for",
    "seconds",
    type=click.FloatRange(min=1),
    help="Watch for so many seconds first, without alerts, and learn from that alone.",
)
@click.option(
    "--since",
    "since_ns",
    type=Moment(),
    help="Learn from what a sensor has found since a time, or an age such as 2h, 7d.",
)
@click.option(
    "--up-to",
    "limit",
    type=click.Choice(LEVELS),
    default="medium",
    show_default=True,
    help="The gravest level that is learned; the rest is only named.",
)
@owner_option
@folder_option
@options.rules
@config_option
@db_option
@json_option
def baseline(seconds, since_ns, limit, owner, folder, rules, config_path, db, as_json) -> None:
    """Learn what is normal on this host: an exception for each thing that was found.

    Whatever was found is taken for normal, an intruder's doing too: nothing is in force before a
    person has read it and has moved it to a folder of rules. Without --output it is only listed.

    \b
    Examples:
      profguard baseline --for 3600 -o baseline    watch for an hour, and learn from that
      profguard baseline --since 7d -o baseline    from what the sensor has found meanwhile
      profguard baseline --up-to high              list what would be learned
    """
    from profguard.assembly import load_rules
    from profguard.config import load
    from profguard.rules.baseline import exceptions, habits

    if seconds is not None and (db or since_ns is not None):
        hint = "leave out --for to learn from a database"
        raise UsageError.of(
            "PG702", "--for learns from what it sees itself, and nothing else", hint
        )
    settings = load(config_path)
    with tempfile.TemporaryDirectory(prefix="profguard-baseline-") as scratch:
        if seconds is not None:
            db = Path(scratch) / "profguard.db"
            _watch(settings, rules, db, seconds)
        found = Query(open_store(db, config_path)).findings(Filter(since_ns=since_ns))
        rule_set = load_rules(settings, rules)
        learned = habits(map(document, found), rule_set, limit)
    _show(learned, as_json=as_json)
    if folder is None or all(habit.left_out for habit in learned):
        return
    now = datetime.now(UTC)
    written = exceptions(
        learned,
        rule_set,
        owner=owner,
        day=f"{now:%Y-%m-%d}",
        expires=f"{now + EXPIRES_AFTER:%Y-%m-%d}",
    )
    paths = write(folder, written)
    passed = check(settings, rules, folder, paths)
    if not as_json:
        say(
            f"\n{number(len(written), 'exceptions')} written to {folder}, "
            f"{number(passed, 'cases')} passed. "
            "Review each, and move it to a folder of rules."
        )


def _watch(settings, rules, db: Path, seconds: float) -> None:
    from profguard.cli.run import watch
    from profguard.sensor import tiers

    watch(settings, rules, db, seconds, tiers.AUTO, tiers.LIBBPF, learning=True)


def _show(habits, *, as_json: bool) -> None:
    rows = [
        {
            "level": habit.level,
            "rule": habit.title,
            "process": habit.executable("process"),
            "target": habit.executable("target"),
            "matches": habit.matches,
            "left_out": habit.left_out,
        }
        for habit in habits
    ]
    if as_json:
        for row in rows:
            emit({"type": "habit", **row})
    elif rows:
        table(("level", "rule", "process", "target", "matches", "left out"), map(dict.values, rows))
    else:
        say("Nothing was found: there is nothing to learn.")
