"""What is doubtful about what a rule says of itself: keys, title, tags, and its file's name."""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from profguard.errors import Problem
from profguard.rules.attack import TACTICS, TECHNIQUE
from profguard.rules.correlate.rule import Correlation
from profguard.rules.rule import Detection, Rule
from profguard.rules.source import told

MAX_TITLE = 110  # characters, as SigmaHQ has it

# Without these a finding cannot be traced, understood or ranked.
_WANTED = {
    "id": "without one, findings lose their rule when its file is renamed",
    "description": "whoever gets the finding reads it first",
    "level": "without one it is medium",
}
_FILE_NAME = re.compile(r"[a-z0-9_]+")
_LISTED = re.compile(rf"attack\.({TECHNIQUE.pattern}|ta\d{{4}}|[gs]\d{{4}})")
_NUMBERED = re.compile(r"attack\.(t|ta|g|s)\d")


def is_own(rule: Rule) -> bool:
    """Whether it is Sigma written for profguard: what others' rules say of themselves is theirs."""
    if isinstance(rule, Detection):
        return rule.category is None and bool(rule.events)
    return isinstance(rule, Correlation) and bool(rule.events)


def metadata_warnings(rule: Rule, *, silent: bool = False) -> Iterator[Problem]:
    """PG132 and PG133; of rules from elsewhere only a technique or tactic that is misspelt.

    A `silent` rule only serves a correlation: nobody gets to see what it says of itself.
    """
    yield from _tags(rule)
    if is_own(rule):
        if not silent:
            yield from _missing(rule)
        yield from _title(rule)
        yield from _file_name(rule)


def _tags(rule: Rule) -> Iterator[Problem]:
    for tag in rule.tags:
        name = tag.removeprefix("attack.").replace("_", "-")
        if not tag.startswith("attack.") or name in TACTICS or _LISTED.fullmatch(tag):
            continue
        said = f"'{tag}' is no tag of ATT&CK"
        if _NUMBERED.match(tag):
            hint = "a technique is written attack.t1055 or attack.t1055.008"
            yield told("PG132", said, rule.place, hint, "warning")
        elif near := get_close_matches(name, TACTICS, n=1, cutoff=0.85):  # ATT&CK may grow
            yield told("PG132", said, rule.place, f"did you mean 'attack.{near[0]}'?", "warning")


def _missing(rule: Rule) -> Iterator[Problem]:
    given = rule.keys | ({"id"} if rule.name else set())  # a name is as lasting
    missing = [key for key in _WANTED if key not in given]
    if missing:
        said = f"rule '{rule.title}' has no {' and no '.join(missing)}"
        hint = "; ".join(f"{key}: {_WANTED[key]}" for key in missing)
        yield told("PG132", said, rule.place, hint, "warning")


def _title(rule: Rule) -> Iterator[Problem]:
    if len(rule.title) > MAX_TITLE:
        said = f"the title has {len(rule.title)} characters"
        hint = f"at most {MAX_TITLE} are read; the rest belongs in the description"
        yield told("PG132", said, rule.place, hint, "warning")


def _file_name(rule: Rule) -> Iterator[Problem]:
    path = Path(rule.path)
    if not _FILE_NAME.fullmatch(path.stem):
        better = re.sub(r"[^a-z0-9]+", "_", path.stem.lower()).strip("_")
        said = f"the file's name '{path.name}' is unlike those of rules"
        hint = f"lower-case letters, digits and _: {better or 'rule'}{path.suffix}"
        yield told("PG133", said, rule.place, hint, "warning")


def same_names(rules: tuple[Rule, ...]) -> Iterator[Problem]:
    """PG133 for each file of a name that another file has: only one can be called by it."""
    first: dict[str, str] = {}
    told_of: set[str] = set()
    for rule in sorted(rules, key=lambda rule: (rule.path, rule.line)):
        path = first.setdefault(Path(rule.path).stem, rule.path)
        if path != rule.path and rule.path not in told_of and is_own(rule):
            told_of.add(rule.path)
            said = f"the file's name is that of {path}"
            hint = "cases and `rules explain` know a rule by it: give each its own"
            yield told("PG133", said, rule.place, hint, "warning")
