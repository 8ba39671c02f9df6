"""`profguard alerts`: what was sent to whom, what was not, and trying again."""

import secrets
import sys
import time
from pathlib import Path

import click

from profguard.alerts.destinations import Destination, close_all, destinations
from profguard.alerts.sinks import Message
from profguard.cli.database import config_option, db_option, open_store
from profguard.cli.output import emit, json_line, json_option, say, table
from profguard.errors import UsageError, did_you_mean
from profguard.findings import outbox
from profguard.timefmt import rfc3339


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def group() -> None:
    """See what was sent to whom, and send again.

    \b
    Examples:
      profguard alerts list --state dead
      profguard alerts retry --dead
      profguard alerts test oncall
    """


@group.command("list")
@click.option("--state", type=click.Choice(outbox.STATES), help="In this state only.")
@click.option("--destination", metavar="NAME", help="To this destination only.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="How many.")
@config_option
@db_option
@json_option
def list_alerts(
    state: str | None,
    destination: str | None,
    limit: int,
    config_path: Path | None,
    db: Path | None,
    as_json: bool,
) -> None:
    """List alerts, the latest first.

    \b
    Example:
      profguard alerts list --state pending
    """
    states = (state,) if state else outbox.STATES
    rows = outbox.listed(open_store(db, config_path), states, destination, limit)
    if as_json:
        for row in rows:
            next_ns = row.pop("next_attempt_ns")
            waits = row["state"] == "pending" and next_ns > 0
            emit({"type": "alert", **row, "next_attempt": rfc3339(next_ns) if waits else None})
        return
    if not rows:
        say("no alerts")
        return
    now_ns = time.time_ns()
    table(
        ("id", "state", "destination", "attempts", "next attempt", "finding", "error"),
        [
            (
                *(row[name] for name in ("id", "state", "destination", "attempts")),
                _until(row, now_ns),
                row["finding_id"],
                row["last_error"],
            )
            for row in rows
        ],
    )


@group.command()
@click.argument("ids", metavar="[ID]...", nargs=-1, type=click.IntRange(1, 2**63 - 1))
@click.option("--dead", "which", flag_value="dead", help="All that were given up.")
@click.option("--all", "which", flag_value="all", help="All that have not arrived.")
@config_option
@db_option
@json_option
def retry(
    ids: tuple[int, ...],
    which: str | None,
    config_path: Path | None,
    db: Path | None,
    as_json: bool,
) -> None:
    """Send alerts again, by the running sensor or the next one.

    \b
    Examples:
      profguard alerts retry 17
      profguard alerts retry --dead
    """
    if not ids and which is None:
        raise click.UsageError("name alerts by their ID, or say --dead or --all")
    states = {"dead": ("dead",), "all": ("dead", "pending"), None: ()}[which]
    count = outbox.retry(open_store(db, config_path, readonly=False), ids, states)
    if as_json:
        emit({"type": "retry", "alerts": count})
    else:
        say(f"{count} alert{'' if count == 1 else 's'} will be sent again")


@group.command()
@click.argument("name", metavar="DESTINATION")
@config_option
@json_option
def test(name: str, config_path: Path | None, as_json: bool) -> None:
    """Send a test alert now, and show the answer.

    DESTINATION is the name of one in the configuration. The alert is signed like any other and has
    `"type": "test"`. Exits with 1 where it is not accepted.

    \b
    Example:
      profguard alerts test oncall
    """
    from profguard import config

    loaded = config.load(config_path)
    known = [alert.name for alert in loaded.alerts]
    if name not in known:
        raise UsageError.of(
            "PG701",
            f"no alert destination is called {name!r}",
            did_you_mean(name, known)
            or ("there are: " + ", ".join(known) if known else "[[alerts]] configures one"),
        )
    made = destinations(loaded.alerts, loaded.place)
    try:
        [destination] = [one for one in made if one.name == name]
        answer = destination.sink.send(_test_message(destination))
    finally:
        close_all(made)
    if as_json:
        delivered = answer.delivered
        emit({"type": "test", "destination": name, "delivered": delivered, "answer": answer.detail})
    else:
        say(f"{name}: {'delivered' if answer.delivered else 'not delivered'}: {answer.detail}")
    if not answer.delivered:
        sys.exit(1)


def _test_message(destination: Destination) -> Message:
    body = {
        "type": "test",
        "time": rfc3339(time.time_ns()),
        "destination": destination.name,
        "message": "This is a test of profguard's alerts. Nothing was found.",
    }
    return Message(f"msg_test_{secrets.token_hex(12)}", json_line(body))


def _until(row: dict, now_ns: int) -> str | None:
    if row["state"] != "pending":
        return None
    wait_s = (row["next_attempt_ns"] - now_ns) / 1e9
    return f"in {wait_s:.0f} s" if wait_s > 0 else "now"


if __name__ == "__main__":
    group()
