"""`profguard config`."""

import json
from pathlib import Path

import jsonschema
import pytest

from profguard.cli import execute
from profguard.config import Config, as_dict, config_schema, load


@pytest.fixture
def file(tmp_path) -> Path:
    path = tmp_path / "guard.toml"
    path.write_text('[labels]\nprod = {"executable|endswith" = "/shop"}\n')
    return path


def test_check_says_that_all_is_well(file, capsys):
    assert execute(["config", "check", str(file)]) == 0
    assert capsys.readouterr().out == f"{file}: all is well\n"


def test_check_compiles_labels_and_points_at_the_field_that_does_not_exist(file, capsys):
    file.write_text('[labels]\na = [{name = "x"}, {"name" = "y", "exceutable|endswith" = "/z"}]\n')
    assert execute(["config", "check", str(file)]) == 3
    error = capsys.readouterr().err
    assert error.startswith(f"{file}:2:35: ")
    assert "did you mean 'executable'?" in error


@pytest.mark.parametrize(
    ("tool", "at", "said"),
    [
        ('{"exceutable|endswith" = "/z"}', "2:6", "did you mean 'executable'?"),
        ('{"environ.ROLE" = "z"}', "2:1", "a tool is not told by its environment: environ.ROLE"),
    ],
    ids=["no such field", "environment"],
)
def test_check_compiles_tools(file, capsys, tool, at, said):
    file.write_text(f"[tools]\na = {tool}\n")
    assert execute(["config", "check", str(file)]) == 3
    error = capsys.readouterr().err
    assert error.startswith(f"{file}:{at}: ")
    assert said in error


def test_check_as_json_has_one_object_a_problem(file, capsys):
    file.write_text("[store]\npaht = 1\n[sensor]\nring_mb = 'x'\n")
    assert execute(["config", "check", str(file), "--json"]) == 3
    problems = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(each["code"], each["line"]) for each in problems] == [("PG203", 2), ("PG204", 4)]


def test_show_prints_a_file_that_means_the_same(file, capsys, tmp_path):
    assert execute(["config", "show", "--config", str(file)]) == 0
    shown = tmp_path / "shown.toml"
    shown.write_text(capsys.readouterr().out)
    assert as_dict(load(shown)) == as_dict(load(file))


def test_show_as_json_fits_the_schema(file, capsys):
    assert execute(["config", "show", "--config", str(file), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["file"] == str(file)
    jsonschema.validate(shown["config"], config_schema())


def test_show_defaults_does_not_need_a_file(capsys, tmp_path):
    assert execute(["config", "show", "--defaults"]) == 0
    shown = tmp_path / "defaults.toml"
    shown.write_text(capsys.readouterr().out)
    assert as_dict(load(shown)) == as_dict(Config())


def test_check_tries_labels_and_alerts_and_reports_both(file, capsys):
    file.write_text(
        "[labels]\na = {nmae = 'x'}\n[[alerts]]\nname = 'b'\nsink = 'webhok'\nurl = 'https://x'\n"
    )
    assert execute(["config", "check", str(file), "--json"]) == 3
    problems = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(each["code"], each["line"]) for each in problems] == [("PG103", 2), ("PG602", 5)]
    assert problems[1]["hint"] == "did you mean 'webhook'?"
