"""`profguard rules lint`."""

import time
from pathlib import Path

import click

from profguard.cli.options import PATH
from profguard.cli.output import emit, json_option
from profguard.cli.rules.common import (
    beside,
    case_folders,
    cases_option,
    directories_argument,
    rule_paths,
    untested,
)
from profguard.cli.rules.policies import tested_packages
from profguard.cli.rules.report import by_place, finish, leave
from profguard.rules import load
from profguard.rules.check.case_reader import read_cases
from profguard.rules.check.exceptions import filter_warnings
from profguard.rules.check.lint import warnings
from profguard.timefmt import rfc3339

UNUSED_AFTER_NS = 7 * 86_400 * 1_000_000_000


@click.command()
@directories_argument
@cases_option
@click.option(
    "--format",
    "form",
    type=click.Choice(("text", "json", "sarif")),
    default="text",
    help="How to print what was found; sarif is for code scanning services.",
)
@click.option(
    "--db",
    type=PATH,
    metavar="FILE",
    help="The sensor's database: tell of exceptions that excused nothing for a week.",
)
@json_option
def lint(
    directories: tuple[Path, ...], cases: Path | None, form: str, db: Path | None, as_json: bool
) -> None:
    """Check rules: errors, and warnings about what is doubtful.

    Doubtful is a part of a condition that never decides, reliance on what the observed process can
    forge, a rule without test cases, description, id or level, a misspelt ATT&CK tag, an odd file
    name, or that two rules ask the same; and an exception that is expired, excuses nothing, or does
    not say who owns it. That a rule can never match is an error.

    Exits with 0 where there is no error, with 1 where there is one.

    \b
    Examples:
      profguard rules lint                        the shipped rules
      profguard rules lint /etc/profguard/rules   rules of your own
      profguard rules lint shipped my_exceptions  exceptions, with the rules they are for
      profguard rules lint my_rule.yml --json     one file, for a program
      profguard rules lint rules --format sarif > lint.sarif
    """
    paths = rule_paths(directories)
    rules = load(paths, skip_bad=True)
    now_ns = time.time_ns()
    unused = _unused(db, now_ns) if db else None
    problems = [*rules.problems, *warnings(rules), *filter_warnings(rules, now_ns, unused)]
    folders = case_folders(paths, cases)
    if folders:
        found = read_cases(folders, rules, problems, whole=beside(paths, folders))
        tested = tested_packages([*paths, *folders])
        problems += untested(directories, rules, found, "warning", tested)
    rules.close()
    if form == "sarif":
        from profguard.rules.check.sarif import sarif

        emit(sarif(by_place(problems), Path.cwd()))
        leave(problems)
    counts = {"rules": len(rules.rules), "foreign": len(rules.foreign)}
    finish(problems, as_json or form == "json", counts, {})


def _unused(db: Path, now_ns: int) -> dict[str, str]:
    from profguard.findings.loads import unused_filters
    from profguard.findings.store import Store

    return unused_filters(Store(db, readonly=True), rfc3339(now_ns - UNUSED_AFTER_NS))
