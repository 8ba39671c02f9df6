"""`profguard rules`: check, test, list and explain rules."""

import json
import sys
from pathlib import Path

import click

from profguard.errors import (
    CaptureError,
    Place,
    Problem,
    ProfguardError,
    UsageError,
    did_you_mean,
)
from profguard.resources import folder
from profguard.rules import load

DIRECTORIES = click.argument("directories", metavar="[DIR]...", nargs=-1, type=Path)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
CASES = click.option("--cases", type=Path, help="Case files (default: tests/rules beside DIR).")


@click.group(no_args_is_help=True)
def group():
    """Check, test and explain detection rules.

    DIR is a directory of rules, or one file; without it, the shipped rules.
    """


@group.command()
@DIRECTORIES
@CASES
@JSON
def lint(directories, cases, as_json):
    """Check rules: errors, and warnings about what is doubtful.

    Exit status is 0 where there is no error, 1 where there is.

    \b
    Examples:
      profguard rules lint
      profguard rules lint /etc/profguard/rules
      profguard rules lint my_rule.yml --json
    """
    from profguard.rules.cases import missing_cases, read_cases
    from profguard.rules.lint import warnings

    paths = _paths(directories)
    rules = load(paths, skip_bad=True)
    problems = [*rules.problems, *warnings(rules)]
    if folders := _case_folders(paths, cases):
        found = read_cases(folders, rules, problems, whole=_whole(paths))
        problems += missing_cases(rules, found, "warning")
    _finish(problems, as_json, {"rules": len(rules.rules), "foreign": len(rules.foreign)})


@group.command()
@DIRECTORIES
@CASES
@JSON
def test(directories, cases, as_json):
    """Run each rule's test cases.

    A rule needs a case that fires and one that stays quiet. Exit status is 0 where every case
    does what it says, 1 where one does not.

    \b
    Examples:
      profguard rules test
      profguard rules test /etc/profguard/rules --cases /etc/profguard/cases
    """
    from profguard.rules.cases import missing_cases, read_cases, run_cases

    paths = _paths(directories)
    rules = load(paths, skip_bad=True)
    problems = [problem for problem in rules.problems if problem.severity == "error"]
    found = read_cases(_case_folders(paths, cases), rules, problems, whole=_whole(paths))
    results = run_cases(rules, found)
    problems += [result.problem for result in results if result.problem]
    problems += missing_cases(rules, found, "error")
    passed = sum(result.passed for result in results)
    counts = {"rules": len(rules.rules), "cases": len(results), "passed": passed}
    _finish(problems, as_json, counts, [result.as_dict() for result in results])


@group.command(name="list")
@DIRECTORIES
@JSON
def list_rules(directories, as_json):
    """List rules, gravest first.

    \b
    Examples:
      profguard rules list
      profguard rules list rules/ --json
    """
    rules = load(_paths(directories))
    if as_json:
        click.echo(json.dumps([_summary(rule) for rule in rules.rules], indent=2))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("level", "event", "title", "id", box=None, pad_edge=False)
    for rule in rules.rules:
        event = rule.event or f"none ({rule.logsource})"
        state = event if rule.enabled else f"{event}, disabled"
        table.add_row(*(Text(cell) for cell in (rule.level, state, rule.title, rule.id)))
    Console(width=None if sys.stdout.isatty() else 200).print(table)


@group.command()
@click.argument("rule")
@click.option("--event", "event_file", type=Path, help="An event in JSON, or - for stdin.")
@click.option("--rules", "directories", multiple=True, type=Path, help="Where the rules are.")
@JSON
def explain(rule, event_file, directories, as_json):
    """Show a rule's condition as a tree, and with an event which parts are true.

    RULE is a rule's id, title or file name, or a rule file.

    \b
    Examples:
      profguard rules explain unexpected_profiling
      profguard record - --for 5 prof | head -1 |
        profguard rules explain unexpected_profiling --event -
    """
    from profguard.rules.interpret import explain as explain_node

    named = Path(rule)
    paths = [named] if not directories and named.suffix and named.is_file() else directories
    rules = load(_paths(paths))
    found = rules.rules[0] if paths == [named] and rules.rules else rules.get(rule)
    if found is None:
        names = [Path(known.path).stem for known in rules.rules]
        raise UsageError.of("PG701", f"no rule is called '{rule}'", did_you_mean(rule, names))
    if found.condition is None:
        said = f"rule '{found.title}' is for the log source {found.logsource}: it never matches"
        raise UsageError.of("PG701", said, place=found.place)
    answer = explain_node(found.condition, _event(event_file, found) if event_file else None)
    if as_json:
        click.echo(json.dumps({"rule": _summary(found), "condition": answer.as_dict()}, indent=2))
    else:
        _show_tree(found, answer)


@group.command()
def schema():
    """Print the JSON Schema of rules: editors complete field names and values with it.

    \b
    Examples:
      profguard rules schema > rule.schema.json
    """
    from profguard.rules.schema import rule_schema

    click.echo(json.dumps(rule_schema(), indent=2))


def _paths(directories) -> list[Path]:
    return list(directories) or [folder("rules")]


def _case_folders(paths: list[Path], chosen: Path | None) -> list[Path]:
    """Where the cases of these rules are: `chosen`, or tests/rules beside each directory."""
    if chosen is not None:
        return [chosen]
    roots = [path if path.is_dir() else path.parent for path in paths]
    beside = [root.resolve().parent / "tests" / "rules" for root in roots]
    return [path for path in dict.fromkeys(beside) if path.is_dir()]


def _whole(paths: list[Path]) -> bool:
    return all(path.is_dir() for path in paths)


def _finish(problems: list[Problem], as_json: bool, counts: dict, cases: list | None = None):
    """Print problems and counts; exit 1 where there is an error."""
    errors = sum(problem.severity == "error" for problem in problems)
    counts = {**counts, "errors": errors, "warnings": len(problems) - errors}
    if as_json:
        out = {**counts, "problems": [problem.as_dict() for problem in problems]}
        if cases is not None:
            out["results"] = cases
        click.echo(json.dumps(out, indent=2))
    else:
        for problem in problems:
            click.echo(problem.render() + "\n")
        shown = {name: count for name, count in counts.items() if count or name != "foreign"}
        click.echo(", ".join(f"{count} {name}" for name, count in shown.items()))
    sys.exit(1 if errors else 0)


def _summary(rule) -> dict:
    return {
        "id": rule.id,
        "title": rule.title,
        "level": rule.level,
        "status": rule.status,
        "event": rule.event,
        "logsource": rule.logsource,
        "enabled": rule.enabled,
        "tags": list(rule.tags),
        "path": rule.path,
        "line": rule.line,
        "fields": [source.name for source in rule.fields],
    }


def _event(path: Path, rule):
    """The event of a JSON file (its first line, if that is an object by itself)."""
    from profguard.model import Event

    place = Place(str(path), 1)
    try:
        text = click.open_file(str(path)).read()
        try:
            nested = json.loads(text)
        except ValueError:
            nested = json.loads(text.partition("\n")[0])
        event = Event.from_dict(nested)
    except OSError as error:
        raise CaptureError.of("PG501", f"cannot read: {error.strerror}", place=place) from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CaptureError.of("PG502", f"not an event: {error}", place=place) from None
    if event.spec.name != rule.event:
        said = f"rule '{rule.title}' is asked of {rule.event} events, this is {event.spec.name}"
        raise UsageError.of("PG701", said, place=place)
    return event


def _show_tree(rule, answer) -> None:
    from rich.console import Console
    from rich.text import Text
    from rich.tree import Tree

    def line(node) -> Text:
        mark = {True: ("yes ", "green"), False: ("no  ", "red"), None: ("", "")}[node.truth]
        value = "" if node.value is None else f"  ({node.value})"
        return Text.assemble(mark, str(node.node), (value, "dim"))

    def grow(tree: Tree, node) -> Tree:
        for part in node.parts:
            grow(tree.add(line(part)), part)
        return tree

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 200)
    console.print(Text(f"{rule.title}  [{rule.level}]  {rule.place}", "bold"))
    console.print(grow(Tree(line(answer)), answer))


def main() -> None:
    """This group as a program of its own."""
    try:
        group()
    except ProfguardError as error:
        click.echo(error.render(), err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
