"""Which parts of an event a policy is given, and that what is left out makes no difference."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from profguard.events import BY_NAME
from profguard.model import Event, Process
from profguard.rules.rego.pack import load_pack
from profguard.rules.rego.service import Query
from profguard.tracee import from_tracee, to_tracee
from tests.rules_engine.rego.texts import HELPERS, ours, tracee

ALL = None
OURS = {
    "leaf": ("match if input.process.user.id == 0", {"process.user.id"}),
    "quoted": ('match if input["process"]["user"].id == 0', {"process.user.id"}),
    "raw string": ("match if input.process[`pid`] == 0", {"process.pid"}),
    "prefix takes all below": (
        "match if { input.process.pid == 1; input.process.user }\nx if input.process.user.id == 1",
        {"process.pid", "process.user"},
    ),
    "computed step": ('match if { some k in ["pid"]; input.process[k] == 1 }', {"process"}),
    "whole": ("match if count(input) > 1", {""}),
    "whole by a name": ("match if { x := input; x.process.pid == 1 }", {""}),
    "part by a name": ("match if { x := input.process; x.pid == 1 }", {"process"}),
    "computed first step": ('match if { some k in ["process"]; input[k].pid == 1 }', {""}),
    "imported": ("import input.process as p\nmatch if p.pid == 1", {"process.pid"}),
    "imported whole": ("import input as i\nmatch if i.process.pid == 1", {""}),
    "a rule that it uses": ("match if p == 1\np := input.process.pid", {"process.pid"}),
    "a rule that nobody uses": ("match if input.relation\np := input.process.pid", {"relation"}),
    "a function": ("match if f(1)\nf(x) if input.process.pid == x", {"process.pid"}),
    "with": (
        "match if p with input.relation as 1\np if input.process.pid", {"process.pid", "relation"},
    ),
    "negated": ("match if not input.process.pid", {"process.pid"}),
    "every": ("match if { every a in input.process.ancestors { a } }", {"process.ancestors"}),
    "comprehension": (
        "match if count({a | a := input.process.labels[_]}) > 0", {"process.labels"},
    ),
    "message": ('match contains m if { m := sprintf("%v", [input.host.name]) }', {"host.name"}),
    "else": ("match := x if x := f\nf := 1 if input.a else := input.b", {"a", "b"}),
    "head": ("match contains input.process.pid", {"process.pid"}),
    "environment": ("match if input.process.environ.HOME", {"process.environ.HOME"}),
    "data by a computed name": (
        'match if { some k in ["rule"]; data.profguard[k].p }\np if input.relation', {"relation"},
    ),
    "nothing": ('match contains "x"', set()),
}  # fmt: skip


@pytest.mark.parametrize(("body", "paths"), OURS.values(), ids=OURS)
def test_a_policy_is_given_what_it_refers_to(pack_of, body, paths):
    """No more than that; where a step is computed, the whole part."""
    pack, problems = pack_of(ours(body + "\n"))
    assert not [p for p in problems if p.severity == "error"]
    [policy] = pack.policies.values()
    assert {".".join(path) for path in policy.projection} == paths


GET = "helpers.get_tracee_argument"
TRACEE = {
    "by helper": (f'{GET}("request") == "x"', {"name", "value"}, {"request"}),
    "by helper twice": (f'{GET}("a") == {GET}("b")', {"name", "value"}, {"a", "b"}),
    "by a computed name": (f'x := ["a"][_]; {GET}(x)', {"name", "value"}, ALL),
    "here": ('arg := input.args[_]; arg.name == "a"; arg.value == 1', {"name", "value"}, {"a"}),
    "turned round": ('arg := input.args[_]; "a" == arg.name; arg.value', {"name", "value"}, {"a"}),
    "type too": ('arg := input.args[_]; arg.name == "a"; arg.type == "x"', {"name", "type"}, {"a"}),
    "other than": ('arg := input.args[_]; arg.name != "a"; arg.value', {"name", "value"}, ALL),
    "only if not": (
        'arg := input.args[_]; not arg.name == "a"; arg.value', {"name", "value"}, ALL,
    ),
    "given away": ('arg := input.args[_]; arg.name == "a"; x := [arg]; count(x)', ALL, ALL),
    "a computed member": ('arg := input.args[_]; arg.name == "a"; arg[k] == 1; k', ALL, ALL),
    "by index": ('input.args[0].value == "a"', ALL, ALL),
    "index shared": ('input.args[i].name == "a"; input.args[i].value == 1', ALL, ALL),
    "index named": ('arg := input.args[i]; arg.name == "a"; i == 0', ALL, ALL),
    "counted": (f'count(input.args) == 2; {GET}("a")', ALL, ALL),
    "in a comprehension": (
        'x := {v | arg := input.args[_]; arg.name == "a"; v := arg.value}; count(x) > 0',
        {"name", "value"}, {"a"},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("body", "members", "names"), TRACEE.values(), ids=TRACEE)
def test_of_tracees_arguments_it_is_given_those_it_asks_for(pack_of, body, members, names):
    text = tracee(f"tracee_match {{\n    {body}\n}}\n")
    pack, problems = pack_of({"helpers.rego": HELPERS, "s.rego": text})
    assert not [p for p in problems if p.severity == "error"]
    [policy] = pack.policies.values()
    elements = policy.projection["args",]
    assert (elements.members, elements.names) == (members, names)


NAMES = st.sampled_from(["a", "b", "request", "x"])
VALUES = st.one_of(NAMES, st.integers(0, 2), st.none(), st.lists(st.integers(0, 2), max_size=2))
ARGS = st.lists(
    st.fixed_dictionaries({"name": NAMES, "value": VALUES}, optional={"type": NAMES}), max_size=4
)


@pytest.fixture(scope="module")
def signatures(tmp_path_factory):
    """One pack with every signature of the table, for all examples of the property."""
    folder = tmp_path_factory.mktemp("signatures")
    (folder / "helpers.rego").write_text(HELPERS)
    for number, (body, *_) in enumerate(TRACEE.values()):
        text = tracee(f"tracee_match {{\n    {body}\n}}\n", f"T{number}")
        (folder / f"{number}.rego").write_text(text)
    pack = load_pack(sorted(folder.iterdir()), [])
    assert len(pack.policies) == len(TRACEE)
    yield pack
    pack.close()


@given(args=ARGS)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_a_signature_says_the_same_of_the_whole_event(signatures, args):
    """Whatever the arguments: the engine's answer to the part is that to the whole."""
    event = from_tracee({"timestamp": 1, "eventName": "ptrace", "args": args})
    _same_answers(signatures, event, to_tracee(event))


@pytest.fixture(scope="module")
def policies(tmp_path_factory):
    folder = tmp_path_factory.mktemp("policies")
    for number, (body, _) in enumerate(OURS.values()):
        (folder / f"{number}.rego").write_text(ours(body + "\n", f"p{number}", "perf"))
    pack = load_pack(sorted(folder.iterdir()), [])
    assert len(pack.policies) == len(OURS)
    yield pack
    pack.close()


TEXTS = st.one_of(st.none(), st.text(max_size=3))
PROCESSES = st.builds(
    Process,
    pid=st.one_of(st.none(), st.integers(0, 2)),
    executable=TEXTS,
    user_id=st.one_of(st.none(), st.integers(0, 1)),
    user_name=TEXTS,
    ancestors=st.lists(st.text(max_size=2), max_size=2).map(tuple),
    labels=st.lists(st.text(max_size=2), max_size=2).map(tuple),
    environ=st.dictionaries(st.sampled_from(["HOME", "X"]), st.text(max_size=2), max_size=2),
)
PERF = BY_NAME["perf"]


@given(
    process=st.one_of(st.none(), PROCESSES),
    target=st.one_of(st.none(), PROCESSES),
    relation=st.sampled_from([None, "child", "cross-uid"]),
    host=TEXTS,
)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_a_policy_says_the_same_of_the_whole_event(policies, process, target, relation, host):
    event = Event(
        spec=PERF,
        time_ns=0,
        args=[None] * len(PERF.public_args),
        process=process,
        target=target,
        relation=relation,
        host=host,
    )
    _same_answers(policies, event, event.as_dict())


def _same_answers(pack, event: Event, whole: dict) -> None:
    given = json.dumps(whole).encode()
    queries = [
        Query(number, text, (policy.entry,))
        for number, policy in pack.policies.items()
        for text in (given, policy.input(event))
    ]
    answers = pack.service.ask(queries)
    for query, of_whole, of_part in zip(queries[::2], answers[::2], answers[1::2], strict=True):
        if of_whole[0][0] != "error":  # what is left out can not fail
            assert of_whole == of_part, (pack.policies[query.policy].module.text, whole)
