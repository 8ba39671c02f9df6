"""`profguard findings except`: an exception from a finding, as a filter with its case."""

import getpass
import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import click

from profguard.cli import options
from profguard.cli.database import config_option, db_option, open_store
from profguard.cli.output import emit, json_option, number, say
from profguard.errors import StoreError, UsageError
from profguard.findings.document import document
from profguard.findings.query import Query
from profguard.rules.exception import Written, write_exception

EXPIRES_AFTER = timedelta(days=90)


owner_option = click.option(
    "--owner", default=getpass.getuser, help="Who answers for it (default: you)."
)
folder_option = click.option(
    "-o",
    "--output",
    "folder",
    type=options.PATH,
    metavar="DIR",
    help="Folder of rules to write it to; its cases go to tests/rules beside.",
)


@click.command("except")
@click.argument("id")
@click.option("--reason", required=True, help="Why this is no finding here.")
@owner_option
@click.option(
    "--expires",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The last day on which it holds (default: in 90 days).",
)
@folder_option
@options.rules
@config_option
@db_option
@json_option
def except_(id, reason, owner, expires, folder, rules, config_path, db, as_json) -> None:
    """Write an exception for what a finding is about: a Sigma filter, and a case for it.

    It excuses the same program of the same user at the same target, from the rules of the finding,
    until the day it expires. Without --output both are printed.

    \b
    Examples:
      profguard findings except 0197a5c0 --reason "nightly profile" --expires 2027-03-31
      profguard findings except 0197a5c0 --reason "on call" -o /etc/profguard/rules
    """
    from profguard.assembly import load_rules
    from profguard.config import load

    settings = load(config_path)
    row = Query(open_store(db, config_path)).finding(id)
    rule_set = load_rules(settings, rules)
    day = expires or datetime.now(UTC) + EXPIRES_AFTER
    written = write_exception(
        document(row),
        rule_set,
        id=str(uuid4()),
        owner=owner,
        reason=reason,
        expires=day.strftime("%Y-%m-%d"),
    )
    if as_json:
        emit({"name": written.name, "filter": written.filter, "cases": written.cases})
    if folder is None:
        if not as_json:
            say(f"# {written.name}.yml, beside the rules\n{written.filter}")
            say(f"# tests/rules/{written.name}.yml\n{written.cases}".rstrip())
        return
    paths = write(folder, [written])
    passed = check(settings, rules, folder, paths)
    if not as_json:
        for path in paths:
            say(f"written: {path}")
        say(f"{number(passed, 'cases')} passed. The running sensor takes it up by itself.")


def write(folder: Path, exceptions: Iterable[Written]) -> list[Path]:
    """Write each to a folder of rules, its cases to tests/rules beside that; gives all paths.

    Raises UsageError, before anything is written, where one is there already.
    """
    cases = folder.absolute().parent / "tests" / "rules"
    texts = {}
    for each in exceptions:
        texts[folder / f"{each.name}.yml"] = each.filter
        texts[cases / f"{each.name}.yml"] = each.cases
    for path in texts:
        if path.exists():
            hint = "change that one, or write to another folder"
            raise UsageError.of("PG703", f"{path} exists already", hint)
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
            path.write_text(text)
            path.chmod(0o644)
    except OSError as error:
        raise StoreError.of("PG404", f"cannot write {error.filename}: {error.strerror}") from None
    return list(texts)


def check(settings, rules, folder: Path, written: Iterable[Path]) -> int:
    """Run the cases that were written over the rules with the exceptions; how many pass.

    Exits with 1 where one does not.
    """
    from profguard.assembly import load_rules
    from profguard.rules.check.case_reader import read_cases
    from profguard.rules.check.cases import run_cases

    named = [*(rules or map(Path, settings.rule_paths)), folder]
    found = load_rules(settings, named)
    problems: list = []
    case_files = [path for path in written if path.parent != folder]
    results = run_cases(found, read_cases(case_files, found, problems, whole=False))
    problems += [result.problem for result in results if result.problem]
    for problem in problems:
        say(problem.render(), err=True)
    if problems:
        sys.exit(1)
    return len(results)
