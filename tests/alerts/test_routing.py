import pytest

from profguard.alerts.destinations import destinations
from profguard.alerts.outbox import plan
from profguard.config.spec import Alert


@pytest.fixture
def finding(make_finding):
    finding = make_finding()
    finding.rules = ["ptrace-attach", "other"]
    finding.event.process.labels = ("ci",)
    return finding


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({}, True),
        ({"min_level": "high"}, True),
        ({"min_level": "critical"}, False),
        ({"rules": ("other", "third")}, True),
        ({"rules": ("third",)}, False),
        ({"labels": ("production",)}, True),
        ({"labels": ("ci", "x")}, True),
        ({"labels": ("staging",)}, False),
        ({"labels": ("production",), "rules": ("third",)}, False),
    ],
)
def test_a_destination_gets_what_it_asked_for(finding, tmp_path, options, wanted):
    alert = Alert(name="log", sink="file", path=str(tmp_path / "log"), **options)
    rows = plan(finding, destinations([alert]))
    assert [row[2] for row in rows] == ["log"] * wanted


def test_labels_of_a_finding_without_target(finding, tmp_path):
    finding.event.target = None
    alert = Alert(name="log", sink="file", path=str(tmp_path / "log"), labels=("production",))
    assert plan(finding, destinations([alert])) == []


def test_ids_differ_by_destination_and_are_the_same_again(finding, tmp_path):
    made = destinations(
        Alert(name=name, sink="file", path=str(tmp_path / name)) for name in ("a", "b")
    )
    first, again = plan(finding, made), plan(finding, made)
    assert len({row[0] for row in first}) == 2
    assert [row[0] for row in first] == [row[0] for row in again]
