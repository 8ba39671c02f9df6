"""The outcome of tests as JUnit XML: a suite for each rule, a test for each of its cases."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol
from xml.etree import ElementTree as ET

from profguard.errors import Place, Problem, printable

_FAILED, _BROKEN = "failure", "error"


class Outcome(Protocol):
    """What came of a case, or of a test in Rego; `problem` is set where it failed."""

    owner: str
    name: str
    place: Place
    problem: Problem | None


def junit(results: Iterable[tuple[Outcome, float]], errors: Sequence[Problem]) -> str:
    """The document. Each result is given with the seconds that it took.

    `errors` are what is wrong beside the cases, such as a file that is no rule; they are a suite
    of their own, called rules.
    """
    root = ET.Element("testsuites", name="profguard")
    by_owner: dict[str, list[ET.Element]] = {}
    for result, seconds in results:
        by_owner.setdefault(result.owner, []).append(_case(result, seconds))
    for owner, tests in by_owner.items():
        root.append(_suite(owner, tests))
    if errors:
        root.append(_suite("rules", [_broken(problem) for problem in errors]))
    _count(root, [test for suite in root for test in suite])
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, "unicode") + "\n"


def _suite(name: str, tests: list[ET.Element]) -> ET.Element:
    suite = ET.Element("testsuite", name=printable(name))
    _count(suite, tests)
    suite.extend(tests)
    return suite


def _count(element: ET.Element, tests: list[ET.Element]) -> None:
    element.set("tests", str(len(tests)))
    for kind in (_FAILED, _BROKEN):
        element.set(f"{kind}s", str(sum(test.find(kind) is not None for test in tests)))
    element.set("skipped", "0")
    element.set("time", _seconds(sum(float(test.get("time", 0)) for test in tests)))


def _case(result: Outcome, seconds: float) -> ET.Element:
    place = result.place
    test = _test(result.owner, result.name, seconds, place.path, place.line)
    if result.problem:
        _tell(test, _FAILED, result.problem)
    return test


def _broken(problem: Problem) -> ET.Element:
    path, line = (problem.place.path, problem.place.line) if problem.place else ("", 0)
    test = _test(Path(path).stem or "rules", f"{path}:{line} {problem.code}", 0.0, path, line)
    _tell(test, _BROKEN, problem)
    return test


def _test(owner: str, name: str, seconds: float, path: str, line: int) -> ET.Element:
    said = {"classname": owner, "name": name, "file": path}
    test = ET.Element("testcase", {key: printable(text) for key, text in said.items()})
    test.set("line", str(line))
    test.set("time", _seconds(seconds))
    return test


def _tell(test: ET.Element, kind: str, problem: Problem) -> None:
    told = ET.SubElement(test, kind, message=printable(problem.message), type=problem.code)
    told.text = problem.render()


def _seconds(seconds: float) -> str:
    return f"{seconds:.6f}"
