"""What a load says for people, and how loads sum up."""

from pathlib import Path

from profguard.errors import Place, Problem
from profguard.reload import Load, Standing
from profguard.rules import pack

PATHS = [Path("/r")]
PROBLEM = Problem("PG101", "not YAML", Place("/r/\x1b[2J\udcff.yml", 3, 1))


def _refused(*problems, kept=26) -> Load:
    return Load(1, "files", PATHS, None, problems, kept)


def test_a_refusal_names_the_first_place_and_counts_the_others():
    warning = Problem("PG112", "never used", Place("/r/a.yml", 1, 1), severity="warning")
    place = r"/r/\x1b[2J\udcff.yml:3:1: not YAML"
    assert _refused(PROBLEM).reason == f"26 stay in force: {place}"
    assert _refused(warning, PROBLEM, PROBLEM).reason == f"26 stay in force: {place}, and 1 more"


def test_what_was_left_out_is_told():
    assert Load(1, "files", PATHS, pack.rule_set([])).reason == "0 in force"
    left_out = Load(1, "files", PATHS, pack.rule_set([]), (PROBLEM,))
    assert left_out.reason == "0 in force, errors left out: 1"


def test_a_refusal_leaves_the_time_of_the_last_good_load():
    standing = Standing()
    standing.note(Load(100, "start", PATHS, pack.rule_set([])))
    standing.note(_refused(PROBLEM, kept=0))
    assert (standing.good_ns, standing.refused, standing.in_force) == (100, True, 0)
    assert standing.loads == {"in_force": 1, "refused": 1}
    standing.note(Load(200, "files", PATHS, pack.rule_set([])))
    assert (standing.good_ns, standing.refused) == (200, False)
