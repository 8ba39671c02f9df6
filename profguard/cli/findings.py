"""`profguard findings`: what was found, from the database."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from profguard.cli.database import config_option, db_option, open_store
from profguard.cli.exceptions import except_
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
from profguard.findings.document import document, stored_event
from profguard.findings.export import FORMATS, exported
from profguard.findings.query import Filter, Query
from profguard.model import LEVELS


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def group() -> None:
    """See, search and export what was found.

    \b
    Examples:
      profguard findings list --level high --since 1h
      profguard findings list --target shop --label production
      profguard findings show 0197a5c0
      profguard findings except 0197a5c0 --reason "nightly profile"
      profguard findings export --format csv > findings.csv
    """


group.add_command(except_)


filter_options = choosing(
    Filter,
    click.option("--rule", metavar="RULE", help="Matched this rule: its id or title."),
    click.option("--level", type=click.Choice(LEVELS), help="This level or a graver one."),
    since_option,
    until_option,
    pid_option,
    executable_option,
    target_option,
    click.option("--label", metavar="LABEL", help="Label of actor or target."),
    config_option,
    db_option,
)


@group.command("list")
@filter_options
@limit_option
@click.option("--format", "form", type=click.Choice(FORMATS), help="Print this, not a table.")
@json_option
def list_findings(chosen: Filter, limit: int, form: str | None, as_json: bool, **place) -> None:
    """List findings, the latest first.

    \b
    Examples:
      profguard findings list --since 10m
      profguard findings list --rule ptrace-attach --json
    """
    query = _query(chosen, **place)
    rows = query.findings(chosen, limit)
    if as_json or form:
        _write(exported(rows, form or "jsonl"))
        return
    lines = [_summary(row) for row in rows]
    if not lines:
        say("no findings")
        return
    table(("id", "last seen", "level", "count", "actor", "target", "rule"), lines)
    if len(lines) == limit:
        say(f"the latest {limit}; --limit shows more", err=True)


@group.command()
@click.argument("id")
@config_option
@db_option
@json_option
def show(id: str, config_path: Path | None, db: Path | None, as_json: bool) -> None:
    """Show one finding and its evidence. Of its ID, as much as is unique will do.

    \b
    Example:
      profguard findings show 0197a5c0
    """
    query = Query(open_store(db, config_path))
    row = query.finding(id)
    evidence = query.evidence(row["id"])
    if as_json:
        events = [stored_event(item["event"]) for item in evidence]
        emit({**document(row), "evidence": events})
        return
    for name, value in _details(row):
        say(f"{name:<12} {value}")
    say("")
    table(
        ("time", "what", "event", "arguments"),
        [(item["time"], item["kind"], item["name"], _arguments(item)) for item in evidence],
    )


@group.command()
@filter_options
@click.option("--top", type=click.IntRange(1), default=10, show_default=True, help="Of each.")
@json_option
def stats(chosen: Filter, top: int, as_json: bool, **place) -> None:
    """Count findings by level, rule, actor, target and day.

    \b
    Example:
      profguard findings stats --since 7d
    """
    totals = _query(chosen, **place).totals(chosen, top)
    if as_json:
        emit({"type": "stats", **totals})
        return
    say(f"{number(totals['findings'], 'findings')}, {_matches(totals['matches'])}")
    for name, rows in totals.items():
        if name.startswith("by_") and rows:
            say("")
            table(tuple(rows[0]), [tuple(row.values()) for row in rows])


@group.command()
@filter_options
@click.option("--format", "form", type=click.Choice(FORMATS), default="jsonl", show_default=True)
def export(chosen: Filter, form: str, **place) -> None:
    """Write all findings, or those chosen, for another program.

    \b
    Examples:
      profguard findings export --since 1d > findings.jsonl
      profguard findings export --format csv --level high > findings.csv
    """
    _write(exported(_query(chosen, **place).findings(chosen), form))


def _query(chosen: Filter, config_path: Path | None, db: Path | None) -> Query:
    query = Query(open_store(db, config_path))
    if chosen.rule is not None:
        query.require_rule(chosen.rule)
    return query


def _write(pieces: Iterator[str]) -> None:
    for piece in pieces:
        sys.stdout.write(piece)
    sys.stdout.flush()


def _summary(row: dict[str, Any]) -> tuple:
    when = time_text(row["last_seen"])
    who, whom = process_text(row, "actor"), process_text(row, "target")
    return row["id"], when, row["level"], row["count"], who, whom, row["rule_title"]


def _details(row: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "finding", row["id"]
    yield "level", row["level"]
    yield "rule", f"{row['rule_title']} ({row['rule_id']})"
    if len(row["rules"]) > 1:
        yield "also matched", ", ".join(row["rules"][1:])
    yield "message", one_line(row["message"])
    yield (
        "seen",
        f"{row['first_seen']} to {row['last_seen']}, {_matches(row['count'])}",
    )
    for role in ("actor", "target"):
        yield role, one_line(process_text(row, role))
        yield from process_facts(row, role)
    if row["relation"] is not None:
        yield "relation", row["relation"]
    yield from tool_facts(row)
    for fact in ("mechanism", "session", "started", "ended", "host"):
        if row[fact] is not None:
            yield fact, one_line(row[fact])
    if row["duration_ns"] is not None:
        yield "duration", f"{row['duration_ns'] / 1e9:.3f} s"
    if row["tainted"]:
        yield "tainted", "events were lost meanwhile: there may have been more"
    if tags := json.loads(row["tags"]):
        yield "tags", ", ".join(tags)


def _matches(count: int) -> str:
    return "1 match" if count == 1 else f"{count} matches"


def _arguments(item: dict[str, Any]) -> str:
    arguments = stored_event(item["event"]).get(item["name"], {})
    return " ".join(f"{name}={value}" for name, value in arguments.items() if value is not None)


if __name__ == "__main__":
    group()
