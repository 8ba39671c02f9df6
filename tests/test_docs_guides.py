"""The guides, executed: their files, their commands; of that to rules its tables too."""

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from profguard.events import BY_NAME
from profguard.model import Event
from profguard.resources import folder
from profguard.rules import load
from profguard.rules.modifiers import MODIFIERS

DOCS = Path(__file__).parent.parent / "docs"
GUIDES = ["rules", "correlations", "exceptions", "rego"]
MULTI = re.MULTILINE


def text_of(guide: str) -> str:
    return (DOCS / f"{guide}.md").read_text()


def blocks_of(guide: str) -> list[tuple[str, str, str]]:
    """(name of a file or "", language, content), in the order of the guide."""
    pattern = r"(?:^`([^`\n]+)`:\n\n)?^```(\w+)\n(.*?)^```"
    return re.findall(pattern, text_of(guide), MULTI | re.DOTALL)


TEXT, BLOCKS = text_of("rules"), blocks_of("rules")
ROWS = [
    tuple(cell.strip().strip("`").replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", row)[1:4])
    for row in re.findall(r"^\| `.*\\\|.*$", TEXT, MULTI)
]


@pytest.mark.parametrize("guide", GUIDES)
def test_every_command_says_what_the_guide_shows(guide, tmp_path):
    """From top to bottom: files are written, and commands run in their folder."""
    for name, language, content in blocks_of(guide):
        if language != "console":
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
            path.write_text(content)
            path.chmod(0o644)
            continue
        for line, output in re.findall(r"^\$ profguard (.*)\n((?:(?!\$ ).*\n)*)", content, MULTI):
            done = subprocess.run(
                [sys.executable, "-m", "profguard", *shlex.split(line)],
                cwd=tmp_path,
                capture_output=True,
                text=True,
                timeout=30,
            )
            expected = re.escape(output).replace(r"\.\.\.", ".*")
            said = f"{line}\n{done.stdout}{done.stderr}"
            assert re.fullmatch(expected, done.stdout, re.DOTALL), said


@pytest.mark.parametrize("guide", GUIDES)
def test_every_block_of_a_guide_is_a_file_or_a_command(guide):
    blocks = blocks_of(guide)
    kinds = {(bool(name), language == "console") for name, language, _ in blocks}
    assert kinds == {(True, False), (False, True)}
    assert len(blocks) == len(re.findall(r"^```\w", text_of(guide), MULTI))


def test_the_guide_to_rules_shows_commands():
    shown = [
        line for _, language, text in BLOCKS if language == "console" for line in text.split("\n")
    ]
    assert sum(line.startswith("$ profguard ") for line in shown) > 7


@pytest.mark.parametrize(("asked", "fires", "quiet"), ROWS, ids=[row[0] for row in ROWS])
def test_a_modifier_fires_and_stays_quiet_as_the_guide_says(asked, fires, quiet, tmp_path):
    [(key, value)] = yaml.safe_load(asked).items()
    field = key.partition("|")[0]
    event = field.partition(".")[0] if field.partition(".")[0] in BY_NAME else "prof"
    path = tmp_path / "rule.yml"
    rule = {
        "title": asked,
        "logsource": {"product": "linux", "service": "profguard", "category": event},
        "detection": {"selection": {key: value}, "condition": "selection"},
    }
    path.write_text(yaml.safe_dump(rule))
    path.chmod(0o644)
    rules = load([path], placeholders=placeholders())
    matched = [bool(rules.match(event_with(event, field, cell))) for cell in (fires, quiet)]
    assert matched == [True, False]


def placeholders() -> dict:
    """Those of the configuration that the guide shows."""
    [shown] = [content for _, language, content in BLOCKS if language == "toml"]
    return tomllib.loads(shown)["rules"]["placeholders"]


def event_with(name: str, field: str, cell: str) -> Event:
    """An event of which only this field is known; `cell` is its value in YAML."""
    nested: dict = {"event": {"name": name}}
    if cell != "*absent*":
        node = nested
        head, *rest = field.split(".environ.")
        steps = [*head.split("."), *(["environ", rest[0]] if rest else [])]
        for step in steps[:-1]:
            node = node.setdefault(step, {})
        value = yaml.load(cell, yaml.BaseLoader)
        node[steps[-1]] = int(value) if value.isdigit() else value
    return Event.from_dict(nested)


def test_every_modifier_is_shown():
    shown = {modifier for asked, *_ in ROWS for modifier in asked.split(":")[0].split("|")[1:]}
    assert "`fieldref` compares with another field" in TEXT
    assert shown == MODIFIERS.keys() - {"fieldref"}


def test_the_lists_of_shipped_rules_are_the_pack():
    """Each rule is in one of them, the gravest first."""
    row = re.compile(r"^\| \[(\w+)\]\(\.\./(\S+)\): (.+) \| (\w+) \| ([\w, ]+) \|$", MULTI)
    root = folder("rules").parent
    rules = load([folder("rules")]).rules
    paths = [Path(rule.path) for rule in rules]
    pack = [
        (path.stem, str(path.relative_to(root)), rule.title, rule.level, ", ".join(rule.events))
        for path, rule in zip(paths, rules, strict=True)
    ]
    groups = [row.findall(section) for section in TEXT.split("\n### ")]
    for listed in groups:
        assert listed == sorted(listed, key=pack.index)
    assert sorted(each for listed in groups for each in listed) == sorted(pack)
