"""Rule files that change, and what drives a Reloader as the pipeline does."""

import time
from uuid import NAMESPACE_URL, uuid5

import pytest

from profguard.reload import Reloader
from profguard.rules import pack

RULE = """\
title: {title}
id: {id}
logsource: {{product: linux, service: profguard, category: ptrace}}
detection:
  selection:
    process.executable: {executable}
  condition: selection
"""
BROKEN = "title: Broken\ndetection: [unclosed\n"


def rule_text(title: str = "One", executable: str = "/usr/bin/gdb") -> str:
    return RULE.format(title=title, executable=executable, id=uuid5(NAMESPACE_URL, title))


class Driver:
    """Takes loads as the pipeline's thread does; `told` are those that the reloader has told."""

    def __init__(self, paths, **options):
        self.told = []
        read = lambda: pack.load(paths, **options)  # noqa: E731
        self.reloader = Reloader(paths, read, self.told.append)
        self.rules = self.reloader.first().rules
        self.prepared = []

    def start(self):
        self.reloader.start(self.prepared.append)
        return self

    def next(self, timeout_s: float = 8.0):
        """The next load, put in force; None where there is none in time."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            load = self.reloader.ready()
            if load:
                before = None
                if load.rules is not None:
                    before, self.rules = self.rules, load.rules
                self.reloader.done(load, before)
                return load
            time.sleep(0.01)
        return None

    def quiet(self, seconds: float = 0.6) -> bool:
        """Whether nothing is loaded for so long; a change is noticed and read in 0.4 s."""
        return self.next(seconds) is None

    @property
    def titles(self) -> list[str]:
        return sorted(rule.title for rule in self.rules.rules)


@pytest.fixture
def text():
    return rule_text


@pytest.fixture
def folder(tmp_path):
    """A folder with one rule."""
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "one.yml").write_text(rule_text())
    return rules


@pytest.fixture
def driver():
    """Make a reloader of these paths that the test starts and drives."""
    drivers = []

    def make(*paths, **options):
        drivers.append(Driver(list(paths), **options))
        return drivers[-1]

    yield make
    for one in drivers:
        one.reloader.close()


@pytest.fixture
def drive(driver):
    """The same, started."""
    return lambda *paths, **options: driver(*paths, **options).start()
