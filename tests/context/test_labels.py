"""Labels of the configuration: who gets which, and mistakes pointed out in the file."""

from pathlib import Path

import pytest

from profguard.config import parse
from profguard.context import Labeler
from profguard.errors import ConfigError
from profguard.model import Process


def labeler(text):
    config = parse(text, Path("/srv/guard.toml"))
    return Labeler(config.labels, config.rules.placeholders)


def test_a_process_has_every_label_that_it_fits_in_the_order_of_the_file():
    labels = labeler("""
[rules]
placeholders.admins = ["root", "sre"]
[labels]
production = {"cgroup|contains" = "/prod.slice/"}
admin = {"user.name|expand" = "%admins%"}
approved = [{"executable|endswith" = "/parca-agent"}, {user.name = "sre", unit = "p.service"}]
marked = {environ.MARK = "x"}
""")
    agent = {"executable": "/opt/parca-agent", "user_name": "sre", "environ": {"MARK": "x"}}
    assert labels.labels(Process(**agent)) == ("admin", "approved", "marked")
    assert labels.labels(Process(cgroup="/prod.slice/shop.service")) == ("production",)
    assert labels.labels(Process(user_name="sre", unit="q.service")) == ("admin",)
    assert labels.labels(Process()) == ()
    assert labels.environ_names == {"MARK"}


MISTAKES = [
    ('a = {exceutable = "x"}', 2, 6, "PG103"),
    ('a = {"executable|endwith" = "x"}', 2, 6, "PG104"),
    ('a = [{executable = "x"}, {user = {nmae = "x"}}]', 2, 35, "PG103"),
    ('a = {pid = "x"}', 2, 6, "PG111"),
    ('a = {labels = "b"}', 2, 6, "PG103"),
    ('a = {"executable|re" = "("}', 2, 6, None),
]


@pytest.mark.parametrize(("text", "line", "column", "code"), MISTAKES, ids=[m[0] for m in MISTAKES])
def test_a_mistake_is_pointed_out_where_it_is(text, line, column, code):
    with pytest.raises(ConfigError) as caught:
        labeler("[labels]\n" + text)
    (problem,) = caught.value.problems
    assert (problem.place.line, problem.place.column) == (line, column)
    assert code in (None, problem.code)


def test_all_mistakes_of_all_labels_are_reported():
    with pytest.raises(ConfigError) as caught:
        labeler("[labels]\na = {x = 1, pid = 1, y = 2}\nb = {pid = 1}\nc = {z = 3}")
    places = [(problem.place.line, problem.place.column) for problem in caught.value.problems]
    assert places == [(2, 6), (2, 22), (4, 6)]


def test_only_a_label_about_names_or_ids_of_threads_is_asked_for_each_thread():
    assert not labeler('[labels]\na = {"executable" = "x"}').per_thread
    assert labeler('[labels]\na = [{pid = 1}, {name = "x"}]').per_thread


@pytest.mark.parametrize(
    ("selection", "may"),
    [
        ('{cgroup = "/shop"}', {"/shop": True, "/other": False}),
        ('{cgroup = ["/shop", "/bank"], "user.id" = 5}', {"/shop": True, "/other": False}),
        ('{unit = "Shop.service"}', {"/system/shop.service": True, "/other": False}),
        ('[{cgroup = "/shop"}, {name = "shop"}]', {"/shop": True, "/other": True}),
        ('{"cgroup|startswith" = "/shop"}', {"/shop": True, "/other": True}),
        ('{name = "shop"}', {"/other": True}),
    ],
    ids=["exact", "of several", "in another case", "or something else", "a pattern", "anywhere"],
)
def test_what_processes_of_a_cgroup_may_be(selection, may):
    """Only exact values say that a process elsewhere has not got the label."""
    shop = labeler(f"[labels]\nshop = {selection}\n")
    for path, expected in may.items():
        process = Process(pid=1, cgroup=path, unit=path.rpartition("/")[2])
        assert shop.may_have({"shop"}, process) is expected
        assert not shop.may_have({"bank"}, process)
