"""What an actor and its target are to each other."""

import pytest

from profguard.context.relation import relation
from profguard.model import RELATIONS, Process


def process(pid=10, start=100, **facts):
    values = {"pid": pid, "start_boot_ns": start, "parent_pid": 1, "user_id": 0, "cgroup": "/"}
    return Process(**values | facts)


ACTOR = process()
INSIDE = {"cgroup": "/docker/x", "container_id": "x"}
CASES = [
    ("itself", ACTOR, process(), "self"),
    ("another thread of itself", process(tid=10), process(tid=11), "self"),
    ("a start that is not known", ACTOR, process(start=None), "self"),
    ("an earlier process of that pid", ACTOR, process(start=50), "same-uid"),
    ("its child", ACTOR, process(20, 200, parent_pid=10), "child"),
    ("its child in a container", ACTOR, process(20, 200, parent_pid=10, **INSIDE), "child"),
    ("its child as another user", ACTOR, process(20, 200, parent_pid=10, user_id=5), "child"),
    (
        "child of an earlier process of that pid",
        ACTOR,
        process(20, 50, parent_pid=10),
        "same-uid",
    ),
    ("its parent", process(parent_pid=20), process(20, 50), "parent"),
    ("no parent: younger than it", process(parent_pid=20), process(20, 500), "same-uid"),
    ("into a container", ACTOR, process(20, **INSIDE), "cross-container"),
    ("out of a container", process(**INSIDE), process(20), "cross-container"),
    (
        "another container",
        process(**INSIDE),
        process(20, cgroup="/docker/y", container_id="y"),
        "cross-container",
    ),
    ("the same container", process(**INSIDE), process(20, **INSIDE), "same-uid"),
    (
        "another user in another container",
        ACTOR,
        process(20, user_id=5, **INSIDE),
        "cross-container",
    ),
    ("a cgroup that is not known", process(**INSIDE), process(20, cgroup=None), "same-uid"),
    ("the same user", ACTOR, process(20), "same-uid"),
    ("another user", ACTOR, process(20, user_id=5), "cross-uid"),
    ("a user that is not known", ACTOR, process(20, user_id=None), None),
    ("a target of which nothing is known", ACTOR, Process(), None),
    ("an actor that is not known", None, ACTOR, None),
    ("nothing", ACTOR, None, None),
]


@pytest.mark.parametrize(
    ("actor", "target", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_the_closest_relation_that_holds(actor, target, expected):
    assert relation(actor, target) == expected
    assert expected is None or expected in RELATIONS


def test_without_a_target_it_is_a_cpu_or_a_cgroup():
    assert relation(ACTOR, None, cpu_wide=True) == "cpu-wide"
    assert relation(ACTOR, None, cpu_wide=True, cgroup=True) == "cgroup"
