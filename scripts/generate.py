"""Writes every generated file: the C header, the JSON schemas and the reference pages.

With --check it writes nothing, names what is stale and then exits with 1.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from profguard import metrics
from profguard.cli import cli
from profguard.codegen import docs, header
from profguard.codegen.schemas import event_schema
from profguard.config import config_schema
from profguard.findings import reference
from profguard.findings.schema import finding_schema, session_schema
from profguard.rules.schema import rule_schema

ROOT = Path(__file__).parent.parent
SCHEMAS = {
    "event": event_schema,
    "rule": rule_schema,
    "finding": finding_schema,
    "session": session_schema,
    "config": config_schema,
}


def generated() -> dict[str, str]:
    """Path in the checkout -> text, of all files that are made and not written."""
    schemas = {
        f"schemas/{name}.json": json.dumps(make(), indent=1, ensure_ascii=False) + "\n"
        for name, make in SCHEMAS.items()
    }
    return {
        "bpf/events.h": header.render(),
        "docs/cli.md": cli_page(),
        "docs/database.md": reference.page(),
        "docs/metrics.md": metrics.page(),
        **docs.pages(),
        **schemas,
    }


def obsolete(files: dict[str, str]) -> list[str]:
    """Pages of events that are no more."""
    pages = (str(path.relative_to(ROOT)) for path in ROOT.glob("docs/events/*.md"))
    return sorted(path for path in pages if path not in files)


def cli_page() -> str:
    """The help of every command, as a terminal of 80 columns shows it."""
    root = click.Context(cli, info_name="profguard", terminal_width=80, **cli.context_settings)
    parts = [
        "<!-- Generated from the commands by `make generate`. Do not edit. -->\n",
        "# Commands\n",
    ]
    for ctx in commands(root):
        parts += [f"## {ctx.command_path}\n", f"```text\n{ctx.get_help()}\n```\n"]
    return "\n".join(parts)


def commands(ctx: click.Context) -> Iterator[click.Context]:
    """A context for each command of the tree, a group before its members."""
    yield ctx
    if isinstance(ctx.command, click.Group):
        for name in ctx.command.list_commands(ctx):
            command = ctx.command.get_command(ctx, name)
            yield from commands(click.Context(command, parent=ctx, info_name=name))


def main() -> None:
    files = generated()
    stale = [
        path
        for path, text in files.items()
        if not (ROOT / path).exists() or (ROOT / path).read_text() != text
    ]
    gone = obsolete(files)
    if "--check" in sys.argv[1:]:
        print("\n".join(f"stale: {path}" for path in stale + gone) or "all is up to date")
        sys.exit(bool(stale + gone))
    for path in stale:
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(files[path])
    for path in gone:
        (ROOT / path).unlink()
    print("\n".join(f"wrote {path}" for path in stale) or "all was up to date")


if __name__ == "__main__":
    main()
