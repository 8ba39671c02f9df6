"""`profguard rules`: check, test, list and explain rules."""

import json
import os
import sys
from pathlib import Path
from typing import NoReturn

import click

from profguard.cli.output import emit, json_option, number, say, table
from profguard.cli.policies import explain_policy, tested_packages, unit_tests
from profguard.errors import CaptureError, Place, Problem, UsageError, did_you_mean, printable
from profguard.model import Event
from profguard.resources import folder
from profguard.rules import Detection, Rule, load
from profguard.rules.cases import missing_cases, read_cases, run_cases
from profguard.rules.interpret import Answer
from profguard.rules.interpret import explain as explain_node
from profguard.rules.lint import warnings
from profguard.rules.pack import RuleSet

MANY = 6  # events that a rule is asked of, to be counted rather than named

directories_argument = click.argument("directories", metavar="[DIR]...", nargs=-1, type=Path)
cases_option = click.option(
    "--cases", type=Path, metavar="DIR", help="Where the cases are (default: tests/rules beside)."
)


@click.group()
def group() -> None:
    """Check, test and explain detection rules.

    DIR is a directory of rules or one rule file; without it, the shipped rules are meant.
    """


@group.command()
@directories_argument
@cases_option
@json_option
def lint(directories: tuple[Path, ...], cases: Path | None, as_json: bool) -> None:
    """Check rules: errors, and warnings about what is doubtful.

    Exits with 0 where there is no error, with 1 where there is one.

    \b
    Examples:
      profguard rules lint                        the shipped rules
      profguard rules lint /etc/profguard/rules   rules of your own
      profguard rules lint my_rule.yml --json     one file, for a program
    """
    paths = _paths(directories)
    rules = load(paths, skip_bad=True)
    problems = [*rules.problems, *warnings(rules)]
    folders = _case_folders(paths, cases)
    if folders:
        found = read_cases(folders, rules, problems, whole=_beside(paths, folders))
        tested = tested_packages([*paths, *folders])
        problems += missing_cases(rules, found, "warning", tested)
    _finish(problems, as_json, {"rules": len(rules.rules), "foreign": len(rules.foreign)})


@group.command()
@directories_argument
@cases_option
@json_option
def test(directories: tuple[Path, ...], cases: Path | None, as_json: bool) -> None:
    """Run each rule's cases: events that it must match, and events that it must leave alone.

    A rule needs a case of either kind, or tests in Rego: the test_ rules of *_test.rego files.
    Exits with 0 where every case does what it says, with 1 where one does not.

    \b
    Examples:
      profguard rules test                        the shipped rules
      profguard rules test my_rules --cases my_cases
    """
    paths = _paths(directories)
    rules = load(paths, skip_bad=True)
    problems = [problem for problem in rules.problems if problem.severity == "error"]
    folders = _case_folders(paths, cases)
    units = unit_tests([*paths, *folders], rules, problems)
    if not folders and not units:
        hint = "name their directory with --cases"
        raise UsageError.of("PG701", "there is no tests/rules beside the rules", hint)
    found = read_cases(folders, rules, problems, whole=_beside(paths, folders))
    results = [*run_cases(rules, found), *units]
    problems += [result.problem for result in results if result.problem]
    problems += missing_cases(rules, found, "error", {unit.package for unit in units})
    passed = sum(result.passed for result in results)
    counts = {"rules": len(rules.rules), "cases": len(results), "passed": passed}
    _finish(problems, as_json, counts, [result.as_dict() for result in results])


@group.command(name="list")
@directories_argument
@json_option
def list_rules(directories: tuple[Path, ...], as_json: bool) -> None:
    """List rules, gravest first.

    \b
    Examples:
      profguard rules list                        level, event, title and id
      profguard rules list my_rules --json        all about each, one a line
    """
    rules = load(_paths(directories))
    rules.close()
    if as_json:
        for rule in rules.rules:
            emit(_summary(rule))
        return
    rows = [(rule.level, _asked_of(rule), rule.title, rule.id) for rule in rules.rules]
    table(("level", "event", "title", "id"), rows)


@group.command()
@click.argument("rule", metavar="RULE")
@click.option("--event", "event_file", metavar="FILE", help="An event in JSON; - reads stdin.")
@click.option(
    "--rules",
    "directories",
    metavar="DIR",
    multiple=True,
    type=Path,
    help="Where to look for RULE (default: the shipped rules).",
)
@json_option
def explain(
    rule: str, event_file: str | None, directories: tuple[Path, ...], as_json: bool
) -> None:
    """Show a rule's condition as a tree; with an event, which parts of it are true.

    Of a rule in Rego: its source, what it sees of an event, and what it says of this one.

    RULE is a rule's id, title or file name, or the path of a rule file.

    \b
    Examples:
      profguard rules explain unexpected_profiling
      profguard rules explain my_rule.yml --event event.json
    """
    rules, found = _named(rule, directories)
    event = None if event_file is None else _event(event_file, found)
    if found.kind == "rego":
        explain_policy(rules, found, event, _summary(found), as_json=as_json)
        return
    assert isinstance(found, Detection)
    if found.condition is None:
        said = f"rule '{found.title}' is for the log source {found.logsource}: it never matches"
        raise UsageError.of("PG701", said, place=found.place)
    answer = explain_node(found.condition, event)
    if as_json:
        emit({"rule": _summary(found), "condition": answer.as_dict()})
    else:
        _show_tree(found, answer)


@group.command()
@json_option
def schema(as_json: bool) -> None:
    """Print the JSON Schema of rules, with which editors complete fields and values.

    \b
    Examples:
      profguard rules schema > rule.schema.json
    """
    from profguard.rules.schema import rule_schema

    if as_json:
        emit(rule_schema())
    else:
        say(json.dumps(rule_schema(), indent=1))


def _paths(directories: tuple[Path, ...]) -> list[Path]:
    return list(directories) or [folder("rules")]


def _case_folders(paths: list[Path], chosen: Path | None) -> list[Path]:
    """Where these rules' cases are: `chosen`, or tests/rules beside or above each path."""
    if chosen is not None:
        return [chosen]
    found: dict[Path, None] = {}
    for path in paths:
        nearest = (above / "tests" / "rules" for above in list(_real(path).parents)[:4])
        found |= dict.fromkeys([one for one in nearest if one.is_dir()][:1])
    return list(found)


def _beside(paths: list[Path], folders: list[Path]) -> bool:
    """Whether `paths` are all the rules that these cases can be for."""
    roots = {_real(path).parent / "tests" / "rules" for path in paths if path.is_dir()}
    return len(roots) == len(paths) and all(_real(one) in roots for one in folders)


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))  # Path.resolve raises for links that go round


def _finish(
    problems: list[Problem], as_json: bool, counts: dict[str, int], results: list | None = None
) -> NoReturn:
    """Print problems and counts; exit with 1 where there is an error."""
    problems = sorted(problems, key=lambda p: (p.place.path, p.place.line, p.place.column))
    errors = sum(problem.severity == "error" for problem in problems)
    counts = {**counts, "errors": errors, "warnings": len(problems) - errors}
    if as_json:
        told = {} if results is None else {"results": results}
        emit({**counts, **told, "problems": [problem.as_dict() for problem in problems]})
    else:
        for problem in problems:
            say(problem.render() + "\n")
        counts.setdefault("foreign", 0)
        foreign = counts.pop("foreign")
        say(", ".join(number(count, name) for name, count in counts.items()))
        if foreign:
            say(f"{foreign} of the rules for log sources that profguard does not have")
    sys.exit(1 if errors else 0)


def _named(name: str, directories: tuple[Path, ...]) -> tuple[RuleSet, Rule]:
    path = Path(name)
    if not directories and path.is_file():
        rules = load([path])
        found = rules.rules[0] if rules.rules else None
    else:
        rules = load(_paths(directories))
        found = rules.get(name)
    if found is None:
        names = [Path(known.path).stem for known in rules.rules]
        hint = did_you_mean(name, names) or "`profguard rules list` lists them"
        raise UsageError.of("PG701", f"no rule is called '{name}'", hint)
    return rules, found


def _asked_of(rule: Rule) -> str:
    events = ", ".join(rule.events) if len(rule.events) < MANY else f"{len(rule.events)} events"
    if isinstance(rule, Detection) and not events:
        events = f"none ({rule.logsource})"
    return events if rule.enabled else f"{events}, disabled"


def _summary(rule: Rule) -> dict:
    return {
        "id": rule.id,
        "title": rule.title,
        "level": rule.level,
        "status": rule.status,
        "kind": rule.kind,
        "events": list(rule.events),
        "logsource": rule.logsource if isinstance(rule, Detection) else None,
        "enabled": rule.enabled,
        "tags": list(rule.tags),
        "path": rule.path,
        "line": rule.line,
        "fields": list(rule.field_names),
    }


def _event(name: str, rule: Rule) -> Event:
    """The event of a JSON file: the whole of it, or its first line."""
    place = Place("stdin" if name == "-" else name, 1)
    try:
        with click.open_file(name) as file:
            text = file.read()
        event = Event.from_dict(_json(text))
    except OSError as error:
        raise CaptureError.of("PG501", f"cannot read: {error.strerror}", place=place) from None
    except KeyError as error:
        said = f"not an event: no event is called {error}"
        raise CaptureError.of("PG502", said, place=place) from None
    except (ValueError, TypeError, AttributeError) as error:
        raise CaptureError.of("PG502", f"not an event: {error}", place=place) from None
    if event.spec.name not in rule.events:
        asked = ", ".join(rule.events) or "no"
        said = f"rule '{rule.title}' is asked of {asked} events, this is {event.spec.name}"
        raise UsageError.of("PG701", said, place=place)
    return event


def _json(text: str) -> dict:
    try:
        return json.loads(text)
    except ValueError:
        return json.loads(text.partition("\n")[0])


def _show_tree(rule: Rule, answer: Answer) -> None:
    from rich.console import Console
    from rich.text import Text
    from rich.tree import Tree

    def line(part: Answer) -> Text:
        mark = {True: ("yes  ", "green"), False: ("no   ", "red"), None: ("", "")}[part.truth]
        value = "" if part.value is None else f"  (it is {part.value})"
        return Text.assemble(mark, printable(str(part.node)), (value, "dim"))

    def grow(tree: Tree, part: Answer) -> Tree:
        for one in part.parts:
            grow(tree.add(line(one)), one)
        return tree

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 1_000)
    console.print(Text(printable(f"{rule.title} ({rule.level}), {rule.place}"), "bold"))
    console.print(grow(Tree(line(answer)), answer))


if __name__ == "__main__":
    from profguard.cli import execute

    sys.exit(execute(["rules", *sys.argv[1:]]))
