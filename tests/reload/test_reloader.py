"""Rules that change on disk: real files, the real watch, and loads taken one after the other."""

import gc
import os
import shutil
import threading
import time
import weakref

import pytest

from profguard.rules import pack
from tests.reload.conftest import BROKEN


def test_a_new_rule_is_loaded(folder, text, drive):
    driver = drive(folder)
    (folder / "two.yml").write_text(text("Two"))
    load = driver.next()
    assert (load.state, load.cause, load.in_force) == ("in_force", "files", 2)
    assert driver.titles == ["One", "Two"]
    assert driver.quiet()


def test_what_changed_before_the_watch_began_is_noticed(folder, text, driver):
    """Between reading the rules and watching them lies the loading of the sensor."""
    idle = driver(folder)
    (folder / "one.yml").write_text(text("Changed"))
    idle.start()
    assert idle.next().state == "in_force"
    assert idle.titles == ["Changed"]


BROKEN_BY = {
    "a broken file": lambda folder: (folder / "bad.yml").write_text(BROKEN),
    "a duplicate": lambda folder: shutil.copy(folder / "one.yml", folder / "one.yaml"),
    "no rule left": lambda folder: (folder / "one.yml").unlink(),
    "the folder gone": shutil.rmtree,
    "not UTF-8": lambda folder: (folder / "one.yml").write_bytes(b"title: \xff"),
}
CODES = ["PG101", "PG110", "PG135", "PG116", "PG101"]


@pytest.mark.parametrize(
    ("break_it", "code"), list(zip(BROKEN_BY.values(), CODES, strict=True)), ids=BROKEN_BY
)
def test_what_is_broken_leaves_the_old_rules_in_force(folder, text, drive, break_it, code):
    """The refusal says what is wrong, once; mended files are loaded."""
    driver = drive(folder)
    before = driver.rules
    break_it(folder)
    load = driver.next()
    assert (load.state, load.rules, load.in_force) == ("refused", None, 1)
    assert code in {problem.code for problem in load.errors}
    assert load.reason.startswith("1 stay in force: ")
    assert driver.rules is before
    assert driver.reloader.standing.refused
    assert driver.quiet()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "one.yml").write_text(text("Mended"))
    while (load := driver.next()).rules is None:  # between removing and writing it was looked at
        continue
    assert driver.titles == ["Mended"]
    assert not driver.reloader.standing.refused


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is refused")
def test_a_folder_that_others_may_write_is_not_trusted_any_more(folder, text, drive):
    driver = drive(folder)
    folder.chmod(0o777)
    (folder / "two.yml").write_text(text("Two"))
    load = driver.next()
    assert [problem.code for problem in load.errors] == ["PG121"]
    assert driver.titles == ["One"]


def test_what_was_left_out_at_the_start_stays_left_out_and_nothing_more(folder, text, drive):
    """With skip_bad a rule that was bad at the start is no reason to refuse; one that breaks is."""
    (folder / "bad.yml").write_text(BROKEN)
    driver = drive(folder, skip_bad=True)
    (folder / "two.yml").write_text(text("Two"))
    assert driver.next().state == "in_force"
    (folder / "two.yml").write_text(BROKEN)
    assert driver.next().state == "refused"
    assert driver.titles == ["One", "Two"]


def test_whatever_fails_the_old_rules_stay(folder, drive, monkeypatch):
    """An error of profguard's own is told like one of the rules, and the thread lives on."""
    driver = drive(folder)
    monkeypatch.setattr(driver.reloader, "_read", lambda: 1 // 0)
    driver.reloader.ask()
    load = driver.next()
    assert (load.state, load.errors[0].code) == ("refused", "PG135")
    assert "ZeroDivisionError" in load.reason
    monkeypatch.undo()
    driver.reloader.ask()
    assert driver.next().state == "in_force"


def test_asked_it_reads_also_what_has_not_changed(folder, drive):
    """What SIGHUP does; asked many times at once it reads once or twice."""
    driver = drive(folder)
    for _ in range(100):
        driver.reloader.ask()
    assert driver.next().cause == "signal"
    loads = 1
    while driver.next(0.7):
        loads += 1
    assert loads <= 2


def test_many_writes_are_one_load(folder, text, drive):
    """A checkout touches many files, an editor one file several times."""
    driver = drive(folder)
    for number in range(300):
        (folder / f"r{number}.yml").write_text(text(f"Rule {number}"))
    for _ in range(10):
        (folder / "one.yml").write_text(text("Edited"))
        time.sleep(0.02)
    load = driver.next()
    assert load.in_force == 301
    assert "Edited" in driver.titles
    assert driver.quiet()


def test_a_set_is_never_half_of_two(folder, text, drive):
    """Two files that are always rewritten together are never loaded with different contents."""
    driver = drive(folder)
    for number in range(20):
        for name in ("one", "two"):
            (folder / f".{name}").write_text(text(f"{name} {number}"))
            (folder / f".{name}").rename(folder / f"{name}.yml")
        time.sleep(0.03)
    versions = []
    while load := driver.next(1):
        versions.append({rule.title.split()[1] for rule in load.rules.rules})
    assert versions[-1] == {"19"}
    assert all(len(version) == 1 for version in versions)


@pytest.mark.parametrize("replace", [False, True], ids=["written", "replaced"])
def test_a_single_file_is_followed_however_it_is_edited(folder, text, drive, replace):
    path = folder / "one.yml"
    driver = drive(path)
    for number in range(2):
        (folder / "other.yml").write_text(BROKEN)  # not asked for
        new = folder / "new" if replace else path
        new.write_text(text(f"Version {number}"))
        if replace:
            new.rename(path)
        assert driver.next().state == "in_force"
        assert driver.titles == [f"Version {number}"]


def test_a_link_that_points_elsewhere_now_is_followed(tmp_path, text, drive):
    """How releases and mounted configurations are switched: nothing in the folder is written."""
    for number in range(2):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "one.yml").write_text(text(f"Release {number}"))
    current = tmp_path / "current"
    current.symlink_to("0")
    driver = drive(current)
    (tmp_path / "next").symlink_to("1")
    (tmp_path / "next").rename(current)
    driver.reloader.ask()  # else noticed by the next look, within 10 s
    assert driver.next().state == "in_force"
    assert driver.titles == ["Release 1"]


def test_each_load_is_told_when_it_is_done(folder, text, drive):
    """The first one too, so that whoever records them misses none."""
    driver = drive(folder)
    (folder / "two.yml").write_text(text("Two"))
    driver.next()
    driver.reloader.close()
    assert [load.cause for load in driver.told] == ["start", "files"]
    assert driver.reloader.standing.loads == {"in_force": 2}


def test_many_loads_leave_nothing_behind(folder, drive):
    """Neither descriptors nor threads; of what was in force before, nothing is kept."""
    driver = drive(folder)
    driver.reloader.ask()
    driver.next()
    descriptors, threads = len(os.listdir("/proc/self/fd")), threading.active_count()

    old = []
    for _ in range(25):
        driver.reloader.ask()
        old.append(weakref.ref(driver.next().rules))
    driver.reloader.close()
    driver.told.clear()
    gc.collect()
    assert sum(1 for ref in old if ref() is not None) <= 1
    assert len(os.listdir("/proc/self/fd")) <= descriptors
    assert threading.active_count() <= threads


class Closable(pack.RuleSet):
    """Rules that hold more than memory."""

    def close(self):
        assert not hasattr(self, "closed")
        object.__setattr__(self, "closed", True)


def test_every_set_that_is_not_in_force_is_closed(folder, drive, monkeypatch):
    """Those that were in force and those that never came to it, each once."""
    sets = []

    def read():
        made = pack.load([folder])
        sets.append(Closable(made.rules, made.problems, made.by_event))
        return sets[-1]

    driver = drive(folder)
    monkeypatch.setattr(driver.reloader, "_read", read)
    for _ in range(3):
        driver.reloader.ask()
        assert driver.next().state == "in_force"
    (folder / "one.yml").unlink()
    assert driver.next().state == "refused"  # no rule is left
    driver.reloader.close()
    assert [hasattr(one, "closed") for one in sets] == [True, True, False, True]
