"""The wheel is the whole program: command, compiled object, rules, schemas, captures."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


@pytest.fixture(scope="module")
def wheel(pytestconfig, tmp_path_factory):
    """The wheel of this checkout."""
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", out]
    done = subprocess.run(command, cwd=pytestconfig.rootpath, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    [path] = out.iterdir()
    return path


def test_the_wheel_is_for_this_platform_only(wheel):
    assert re.fullmatch(r"profguard-[\d.]+-py3-none-linux_\w+\.whl", wheel.name)


def test_the_program_in_the_wheel_uses_what_is_in_the_wheel(wheel, tmp_path):
    """Run from an unpacked wheel, away from the checkout: all it needs is beside it."""
    zipfile.ZipFile(wheel).extractall(tmp_path)
    script = (
        "from profguard import resources; from profguard.cli import execute\n"
        "print(resources.BUILT, *map(resources.folder, ['rules', 'schemas', 'captures', 'bpf']))\n"
        "assert execute(['rules', 'lint']) == 0"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", script],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    built, *folders = map(Path, done.stdout.splitlines()[0].split())
    assert {"tracepoint.bpf.o", "libsensor.so"} <= {path.name for path in built.iterdir()}
    for folder in folders:
        assert folder.is_relative_to(tmp_path)
        assert any(folder.iterdir()), f"{folder.name} is empty"


def test_the_compiled_object_does_not_say_where_it_was_built(wheel, pytestconfig):
    with zipfile.ZipFile(wheel) as archive:
        compiled = [name for name in archive.namelist() if "/_built/" in name]
        assert compiled
        for name in compiled:
            assert str(pytestconfig.rootpath).encode() not in archive.read(name)


def test_everything_that_pyproject_asks_for_is_pinned(pytestconfig):
    """With a hash for each pin, and nothing about where it comes from."""
    root = pytestconfig.rootpath
    project = tomllib.loads((root / "pyproject.toml").read_text())
    asked = project["build-system"]["requires"] + project["project"]["dependencies"]
    extra = project["project"]["optional-dependencies"]["dev"]
    for name, wanted in (("requirements.txt", asked), ("requirements-dev.txt", asked + extra)):
        lock = (root / name).read_text()
        pins = dict(re.findall(r"^([\w.-]+)==(\S+) \\\n    --hash=sha256:", lock, re.MULTILINE))
        assert len(pins) == len(re.findall(r"^\w", lock, re.MULTILINE)), "every line is such a pin"
        for requirement in map(Requirement, wanted):
            assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)])
