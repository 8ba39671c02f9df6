"""The SARIF that lint writes has what the standard requires, and says where each problem is."""

import json
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest
from jsonschema import Draft202012Validator

from profguard import __version__
from profguard.errors import CODES, Place, Problem
from profguard.rules.check.sarif import sarif

# What SARIF 2.1.0 (OASIS, section 3) requires of the objects that we write, and no other property.
TEXT = {"type": "string", "minLength": 1}
MESSAGE = {
    "type": "object",
    "required": ["text"],
    "additionalProperties": False,
    "properties": {"text": TEXT},
}
TEXTS = ("shortDescription", "fullDescription", "help")
POSITIVE = {"type": "integer", "minimum": 1}
ENDS = ("startLine", "startColumn", "endColumn")
LOCATION = {
    "type": "object",
    "required": ["physicalLocation"],
    "additionalProperties": False,
    "properties": {
        "physicalLocation": {
            "type": "object",
            "required": ["artifactLocation"],
            "additionalProperties": False,
            "properties": {
                "artifactLocation": {
                    "type": "object",
                    "required": ["uri"],
                    "additionalProperties": False,
                    "properties": {"uri": {"type": "string", "pattern": r"^[!-~]+$"}},
                },
                "region": {
                    "type": "object",
                    "required": ["startLine"],
                    "additionalProperties": False,
                    "properties": dict.fromkeys(
                        ("startLine", "startColumn", "endColumn"), POSITIVE
                    ),
                },
            },
        }
    },
}
RESULT = {
    "type": "object",
    "required": ["ruleId", "ruleIndex", "level", "message", "locations"],
    "additionalProperties": False,
    "properties": {
        "ruleId": {"enum": list(CODES)},
        "ruleIndex": {"type": "integer", "minimum": 0},
        "level": {"enum": ["none", "note", "warning", "error"]},
        "message": MESSAGE,
        "locations": {"type": "array", "items": LOCATION, "maxItems": 1},
    },
}
DRIVER = {
    "type": "object",
    "required": ["name", "version", "rules"],
    "additionalProperties": False,
    "properties": {
        "name": TEXT,
        "version": TEXT,
        "rules": {
            "type": "array",
            "uniqueItems": True,
            "items": {
                "type": "object",
                "required": ["id", "shortDescription", "fullDescription", "help"],
                "additionalProperties": False,
                "properties": {"id": TEXT, **dict.fromkeys(TEXTS, MESSAGE)},
            },
        },
    },
}
LOG = {
    "type": "object",
    "required": ["$schema", "version", "runs"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "minItems": 1,
            "maxItems": 1,
            "items": {
                "type": "object",
                "required": ["tool", "results", "columnKind"],
                "additionalProperties": False,
                "properties": {
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "additionalProperties": False,
                        "properties": {"driver": DRIVER},
                    },
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "results": {"type": "array", "items": RESULT},
                },
            },
        },
    },
}

BROKEN = """\
title: T
logsource: {product: linux, service: profguard, category: perf}
detection:
  selection: {process.name: "\U0001f525", perf.pmuu: cpu}
  condition: selection
"""


@pytest.mark.parametrize("texts", [{}, {"a.yml": BROKEN, "bro ken/ü%.yml": "a: [\n"}], ids=len)
def test_the_log_is_sarif_and_every_result_leads_to_its_place(tmp_path, texts):
    (tmp_path / "rules").mkdir()
    for name, text in texts.items():
        path = tmp_path / "rules" / name
        path.parent.mkdir(exist_ok=True, mode=0o755)
        path.write_text(text)
        path.chmod(0o644)
    command = [sys.executable, "-m", "profguard", "rules", "lint", "rules", "--format", "sarif"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    log = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (1 if texts else 0, "")
    Draft202012Validator(LOG).validate(log)
    [run] = log["runs"]
    driver = run["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("profguard", __version__)
    found = set()
    for result in run["results"]:
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        [where] = [location["physicalLocation"] for location in result["locations"]]
        path = tmp_path / unquote(where["artifactLocation"]["uri"])
        line = path.read_text().split("\n")[where["region"]["startLine"] - 1]
        start, end = (where["region"].get(key, 1) - 1 for key in ("startColumn", "endColumn"))
        found.add((path.relative_to(tmp_path / "rules").as_posix(), line[start:end]))
    assert found == ({("a.yml", "perf.pmuu"), ("bro ken/ü%.yml", "")} if texts else set())


PLACES = [
    (Place("rules/a.yml", 3, 5, length=4), "rules/a.yml", {"startLine": 3, "startColumn": 5,
                                                           "endColumn": 9}),
    (Place("./x/../a b.yml", 3), "a%20b.yml", {"startLine": 3}),
    (Place("/repo/rules/a.yml"), "rules/a.yml", None),
    (Place("../a.yml"), "file:///a.yml", None),
    (Place("/etc/a.yml"), "file:///etc/a.yml", None),
    (Place("\udcff.yml"), "%FF.yml", None),
]  # fmt: skip


@pytest.mark.parametrize(("place", "uri", "region"), PLACES, ids=lambda value: str(value)[:20])
def test_a_place_is_relative_to_the_root_where_it_is_below(place, uri, region):
    log = sarif([Problem("PG116", "x", place)], Path("/repo"))
    [location] = log["runs"][0]["results"][0]["locations"]
    where = location["physicalLocation"]
    assert (where["artifactLocation"]["uri"], where.get("region")) == (uri, region)


def test_what_a_rule_says_cannot_drive_who_reads_it():
    problem = Problem("PG103", "unknown field '\x1b[31m'", hint="a\nb", severity="warning")
    [result] = sarif([problem], Path("/"))["runs"][0]["results"]
    assert result["message"]["text"] == "unknown field '\\x1b[31m'\nhint: a\nb"
    assert (result["level"], result["locations"]) == ("warning", [])
