"""`profguard sessions`: what was done to what, from when to when; and what goes on now."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from profguard.cli.database import config_option, db_option, open_store
from profguard.cli.output import emit, json_option, number, say, table
from profguard.cli.stored import (
    choosing,
    executable_option,
    limit_option,
    one_line,
    pid_option,
    process_facts,
    process_text,
    since_option,
    target_option,
    time_text,
    tool_facts,
    until_option,
)
from profguard.events import REGISTRY
from profguard.events.perf import MECHANISMS as OF_PROF
from profguard.findings.session_query import SessionFilter, SessionQuery, document
from profguard.timefmt import span

MECHANISMS = tuple(
    dict.fromkeys(
        (*OF_PROF.values(), "ptrace", *(spec.mechanism for spec in REGISTRY if spec.lasts))
    )
)
active_option = click.option("--active", is_flag=True, help="Only what is running now.")


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@active_option
@config_option
@db_option
@json_option
@click.pass_context
def group(ctx: click.Context, active: bool, as_json: bool, **place) -> None:
    """See who profiles or traces what now, and who did.

    A session is what one process does to one target, by whatever mechanisms. With --active alone,
    what is running now is listed: as of the latest word of the sensor, if that was killed.

    \b
    Examples:
      profguard sessions --active
      profguard sessions list --since 1h --target shop
      profguard sessions show 0197a5c0
    """
    if ctx.invoked_subcommand is not None:
        if active or as_json or any(place.values()):
            raise click.UsageError(f"options belong after '{ctx.invoked_subcommand}'", ctx)
        return
    if not active:
        raise click.UsageError("say --active, or a command: list or show", ctx)
    _list(SessionFilter(active=True), None, as_json=as_json, **place)


@group.command("list")
@choosing(
    SessionFilter,
    active_option,
    click.option("--tool", metavar="NAME", help="Done by this tool, such as perf; or unknown."),
    click.option("--mechanism", type=click.Choice(MECHANISMS), help="Done by this one too."),
    since_option,
    until_option,
    pid_option,
    executable_option,
    target_option,
    config_option,
    db_option,
)
@limit_option
@json_option
def list_sessions(chosen: SessionFilter, limit: int, as_json: bool, **place) -> None:
    """List sessions, those that began last first.

    \b
    Examples:
      profguard sessions list --since 10m
      profguard sessions list --active --target 4711
      profguard sessions list --tool unknown --json
    """
    _list(chosen, limit, as_json=as_json, **place)


@group.command()
@click.argument("id")
@config_option
@db_option
@json_option
def show(id: str, config_path: Path | None, db: Path | None, as_json: bool) -> None:
    """Show one session and what was found about it. Of its ID, as much as is unique will do.

    \b
    Example:
      profguard sessions show 0197a5c0
    """
    query = SessionQuery(open_store(db, config_path))
    row = query.session(id)
    findings = query.findings(row["id"])
    if as_json:
        emit({**document(row), "findings": [finding["id"] for finding in findings]})
        return
    for name, value in _details(row):
        say(f"{name:<12} {value}")
    say("")
    if not findings:
        say("no rule objected to it")
        return
    table(
        ("finding", "time", "level", "rule"),
        [(f["id"], time_text(f["first_seen"]), f["level"], f["rule_title"]) for f in findings],
    )


def _list(
    chosen: SessionFilter,
    limit: int | None,
    *,
    as_json: bool,
    config_path: Path | None,
    db: Path | None,
) -> None:
    rows = SessionQuery(open_store(db, config_path)).sessions(chosen, limit)
    if as_json:
        for row in rows:
            emit(document(row))
        return
    if not rows:
        say("nothing is running" if chosen.active else "no sessions")
        return
    table(
        ("id", "started", "state", "lasted", "tool", "mechanisms", "events", "actor", "target"),
        [_summary(row) for row in rows],
    )
    if len(rows) == limit:
        say(f"the latest {limit}; --limit shows more", err=True)


def _summary(row: dict[str, Any]) -> tuple:
    return (
        row["id"],
        time_text(row["started"]),
        row["state"],
        _lasted(row),
        row["tool"],
        _mechanisms(row),
        row["events"],
        process_text(row, "actor"),
        _target(row),
    )


def _mechanisms(row: dict[str, Any]) -> str:
    return ", ".join(json.loads(row["mechanisms"]))


def _lasted(row: dict[str, Any]) -> str:
    if row["duration_ns"] is not None:
        return span(row["duration_ns"])
    if row["state"] == "running":
        return span(max(0, time.time_ns() - row["started_ns"]))
    return "-"


def _target(row: dict[str, Any]) -> str:
    return process_text(row, "target") if row["scope"] == "process" else row["scope"]


def _details(row: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "session", row["id"]
    yield "state", row["state"]
    yield from tool_facts(row)
    yield "mechanisms", _mechanisms(row)
    for fact in ("mode", "pmu", "scope"):
        if row[fact] is not None:
            yield fact, row[fact]
    for role in ("actor", "target"):
        yield role, one_line(process_text(row, role) if role == "actor" else _target(row))
        yield from process_facts(row, role)
    if row["relation"] is not None:
        yield "relation", row["relation"]
    found = " (was running when the sensor started)" if row["source"] == "snapshot" else ""
    yield "started", row["started"] + found
    if row["state"] != "running":
        yield "ended", row["ended"] or "unknown: no sensor saw it"
    yield "lasted", _lasted(row)
    yield "events", number(row["events"], "events")
    if row["host"] is not None:
        yield "host", one_line(row["host"])
    if row["tainted"]:
        yield "tainted", "events were lost, or no sensor ran, meanwhile"


if __name__ == "__main__":
    group()
