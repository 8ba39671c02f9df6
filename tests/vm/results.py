"""What the live tests of one tier came to, from the JUnit report that pytest wrote in the VM."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

PASSED, UNSEEN, FAILED = "passed", "unseen", "FAILED"


@dataclass(frozen=True, slots=True)
class Check:
    """A test: the event it is about, what happened to it, and one of the three results.

    UNSEEN: it passed because the tier cannot see that, and said nothing.
    """

    test: str
    event: str
    what: str
    result: str


def read(report: Path) -> list[Check]:
    """All checks of a tier; none where the report is missing."""
    return list(_checks(report)) if report.exists() else []


def _checks(report: Path) -> Iterator[Check]:
    for case in ET.parse(report).getroot().iter("testcase"):
        told = {item.get("name"): item.get("value") for item in case.iter("property")}
        failed = any(case.find(kind) is not None for kind in ("failure", "error", "skipped"))
        result = FAILED if failed else UNSEEN if told.get("seen") == "False" else PASSED
        yield Check(case.get("name"), told.get("event", ""), told.get("what", ""), result)
