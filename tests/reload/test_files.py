"""What is a change of the rules, and what is not."""

import os
import shutil
from pathlib import Path

import pytest

from profguard.reload.files import concerns, fingerprint, folders


def _write(path: Path, text: str = "x") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _same_size_and_mtime(folder: Path) -> None:
    path = folder / "one.yml"
    status = path.stat()
    path.write_text(path.read_text().replace("gdb", "bdg"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _replaced(folder: Path) -> None:
    shutil.copytree(folder, folder.with_name("new"))
    folder.rename(folder.with_name("old"))
    folder.with_name("new").rename(folder)


CHANGES = {
    "a rule is written": lambda folder: (folder / "one.yml").write_text("title: Other"),
    "a rule is new": lambda folder: _write(folder / "two.yaml"),
    "a rule is new in a new folder": lambda folder: _write(folder / "a" / "b" / "two.yml"),
    "a policy is new": lambda folder: _write(folder / "two.rego"),
    "a rule is gone": lambda folder: (folder / "one.yml").unlink(),
    "a rule is renamed": lambda folder: (folder / "one.yml").rename(folder / "three.yml"),
    "size and mtime are restored": _same_size_and_mtime,
    "the folder is gone": shutil.rmtree,
    "another folder is in its place": _replaced,
    "others may write a rule": lambda folder: (folder / "one.yml").chmod(0o666),
}
NO_CHANGES = {
    "nothing": lambda _: None,
    "a rule is read": lambda folder: (folder / "one.yml").read_text(),
    "vim's swap file": lambda folder: _write(folder / ".one.yml.swp"),
    "emacs's backup": lambda folder: _write(folder / "one.yml~"),
    "emacs's lock": lambda folder: (folder / ".#one.yml").symlink_to("ann@host.123"),
    "a page": lambda folder: _write(folder / "README.md"),
    "git": lambda folder: _write(folder / ".git" / "x.yml"),
    "cases beside the folder": lambda folder: _write(folder.parent / "tests" / "rules" / "one.yml"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_of_rules_is_one(folder, change):
    before = fingerprint([folder])
    change(folder)
    assert fingerprint([folder]) != before


@pytest.mark.parametrize("change", NO_CHANGES.values(), ids=NO_CHANGES)
def test_what_changes_no_rule_is_none(folder, change):
    before = fingerprint([folder])
    change(folder)
    assert fingerprint([folder]) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is refused")
def test_a_folder_that_others_may_write_is_a_change(folder):
    """Nothing in it is another, but it is not to be trusted any more."""
    before = fingerprint([folder])
    folder.chmod(0o777)
    assert fingerprint([folder]) != before


def test_folders_of_rules_are_watched_and_those_of_single_files(folder, tmp_path):
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / ".git").mkdir()
    single, gone = tmp_path / "x" / "single.yml", tmp_path / "y" / "gone"
    _write(single)
    assert set(folders([folder, single, gone])) == {
        folder,
        folder / "deep",
        folder / "deep" / "er",
        single.parent,
    }


def test_what_may_not_be_looked_at_is_a_change_and_no_failure(folder, tmp_path):
    """Here it is a name that no file system takes."""
    bad = tmp_path / ("x" * 300)
    assert fingerprint([folder, bad]) not in (fingerprint([bad]), fingerprint([folder]))
    assert folders([folder, bad]) == (folder,)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ("rules/one.yml", True),
        ("rules/deep/two.yml", True),
        ("rules", True),
        ("rules2/one.yml", False),
        ("other.txt", False),
    ],
)
def test_only_changes_below_the_folder_are_looked_at(folder, tmp_path, changed, expected):
    assert concerns([folder], str(tmp_path / changed)) is expected
