"""What policies say of themselves, in Tracee's way and in ours, and what findings say of them."""

import pytest

from profguard.model import Event, Process
from profguard.rules.rego.examples import example
from profguard.tracee import from_tracee
from tests.events import event, prof, ptrace, task
from tests.rules_engine.rego.texts import HELPERS, ours, tracee

ALWAYS = "tracee_match { true }\n"
GDB, SHOP = task(10, executable="/usr/bin/gdb"), task(20, executable="/srv/shop")
INSIDE = task(11, executable="/usr/bin/gdb", container_id="c0ffee")


def asked(pack, *events: Event) -> list[list[str]]:
    """The ids of the policies that match each event."""
    return [[policy.about.id for policy, _ in found] for found in pack.evaluate(events)]


def one(pack):
    [policy] = pack.policies.values()
    return policy


def test_all_of_our_metadata_is_read(pack_of):
    """OPA's annotations above the package, ours below `custom`."""
    text = """\
# A licence may stand here.

# METADATA
# title: Profiled by a stranger
# description: |
#   Two lines,
#   of which both count.
# authors:
# - Ann <ann@example.org>
# - name: Bob
# related_resources:
# - https://example.org/a
# - ref: https://example.org/b
#   description: more
# custom:
#   id: 3f2c5a0e-6f0d-4a55-9f6c-0d3a8f1b7c21
#   level: high
#   status: test
#   tags: [attack.t1055]
#   events: [prof, ptrace]
#   falsepositives: [a debugger]
#   suppress: {by: [process.user.name], for: 10m}
#   enabled: true
package profguard.stranger

match contains "x"
"""
    pack, problems = pack_of(text)
    assert problems == []
    about = one(pack).about
    assert about.title == "Profiled by a stranger"
    assert about.description == "Two lines,\nof which both count.\n"
    assert about.author == "Ann <ann@example.org>, Bob"
    assert about.references == ("https://example.org/a", "https://example.org/b")
    assert about.id == "3f2c5a0e-6f0d-4a55-9f6c-0d3a8f1b7c21"
    assert (about.level, about.status, about.tags) == ("high", "test", ("attack.t1055",))
    assert about.events == {"prof", "ptrace"}
    assert about.suppress_by == ("process.user.name",)
    assert about.suppress_for_ns == 600_000_000_000
    assert {f.name for f in about.suppress_fields["prof"]} == {"process.user.name"}
    assert str(one(pack).place).endswith("rule.rego:26:1")


def test_a_policy_that_is_not_enabled_is_not_asked(pack_of):
    pack, _ = pack_of(ours("match contains 1\n", events="ptrace]\n#   enabled: false\n#   tags: ["))
    assert asked(pack, example(event("ptrace").spec)) == [[]]


SEVERITIES = {
    "0": "informational", "1": "low", "2": "medium", "3": "high", "4": "critical", "9": "critical",
    '"3"': "high", '"severe"': "medium", "null": "medium", "true": "medium", "-1": "medium",
}  # fmt: skip


@pytest.mark.parametrize(("severity", "level"), SEVERITIES.items(), ids=SEVERITIES)
def test_tracees_severity_is_our_level(pack_of, severity, level):
    pack, problems = pack_of(tracee(ALWAYS, properties=f'{{"Severity": {severity}}}'))
    assert problems == []
    assert one(pack).about.level == level


TAGS = {
    "tactic": (
        '"MITRE ATT&CK": "Defense Evasion: Execution Guardrails"',
        {"attack.defense-evasion"},
    ),
    "no tactic": ('"MITRE ATT&CK": "Nonsense: Process Injection"', set()),
    "technique": (
        '"Category": "credential-access", "external_id": "T1003.001"',
        {"attack.credential-access", "attack.t1003.001"},
    ),
}


@pytest.mark.parametrize(("properties", "tags"), TAGS.values(), ids=TAGS)
def test_tracees_properties_are_tags_of_attack(pack_of, properties, tags):
    pack, _ = pack_of(tracee(ALWAYS, properties=f"{{{properties}}}", tags=["linux", "My Tag"]))
    assert set(one(pack).about.tags) == tags | {"tracee.linux", "tracee.my-tag"}


SELECTORS = {
    "by name": ('[{"source": "tracee", "name": "ptrace"}]', [True, True, False]),
    "any name": ('[{"source": "tracee", "name": "*"}]', [True, True, True]),
    "no name": ('[{"source": "tracee"}]', [True, True, True]),
    "containers": (
        '[{"source": "tracee", "name": "ptrace", "origin": "container"}]', [False, True, False],
    ),
    "host": ('[{"source": "tracee", "name": "ptrace", "origin": "host"}]', [True, False, False]),
    "any origin": ('[{"name": "ptrace", "origin": "*"}]', [True, True, False]),
    "all, and some of containers": (
        '[{"name": "ptrace"}, {"name": "*", "origin": "container"}]', [True, True, False],
    ),
    "of another source": (
        '[{"source": "k8s", "name": "*"}, {"source": "tracee", "name": "prof"}]',
        [False, False, True],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("selectors", "expected"), SELECTORS.values(), ids=SELECTORS)
def test_events_are_selected_by_name_and_origin(pack_of, selectors, expected):
    """A ptrace on the host, one in a container, a prof on the host."""
    text = tracee(ALWAYS).replace('[{"source": "tracee", "name": "ptrace"}]', selectors)
    pack, problems = pack_of(text)
    assert problems == []
    events = [
        ptrace("ATTACH", 0, GDB, SHOP),
        ptrace("ATTACH", 1, INSIDE, SHOP),
        prof("enable open", 2, [1], GDB, SHOP),
    ]
    assert [bool(ids) for ids in asked(pack, *events)] == expected


def test_an_event_that_tracee_saw_is_asked_about_as_it_was(pack_of):
    """A signature sees Tracee's own object, also of an event that profguard does not have."""
    pack, _ = pack_of(
        {
            "helpers.rego": HELPERS,
            "s.rego": tracee(
                """\
                tracee_match {
                    startswith(helpers.get_tracee_argument("pathname"), "/etc/shadow")
                    input.processName == "cat"
                }
                """,
                events=("security_file_open",),
            ),
        }
    )
    seen = {
        "timestamp": 1,
        "eventName": "security_file_open",
        "processName": "cat",
        "processId": 3,
        "hostProcessId": 3,
        "args": [{"name": "pathname", "type": "const char*", "value": "/etc/shadow-"}],
    }
    other = {**seen, "processName": "vi"}
    events = [from_tracee(seen), from_tracee(other)]
    assert asked(pack, *events) == [["TRC-1"], []]


ANSWERS = {
    "true": ("tracee_match { true }", ["Signature TRC_1"]),
    "false": ("tracee_match = false { true }", []),
    "object": (
        'tracee_match = r { r := {"request": "x", "n": [1, 2]} }',
        ["Signature TRC_1: n: [1,2], request: x"],
    ),
    "empty object": ("tracee_match = r { r := {} }", []),
    "text": ('tracee_match = r { r := "said" }', ["Signature TRC_1: said"]),
    "null": ("tracee_match = r { r := null }", []),
    "set of objects": (
        'tracee_match[r] { r := {"a": [1, 2][_]} }',
        ["Signature TRC_1: a: 1", "Signature TRC_1: a: 2"],
    ),
    "set of texts": (
        'tracee_match[r] { r := ["b", "a"][_] }', ["Signature TRC_1: a", "Signature TRC_1: b"],
    ),
    "empty set": ('tracee_match[r] { false; r := "a" }', []),
    "zero": ("tracee_match = r { r := 0 }", ["Signature TRC_1: 0"]),
}  # fmt: skip


@pytest.mark.parametrize(("body", "messages"), ANSWERS.values(), ids=ANSWERS)
def test_what_a_signature_returns_is_told(pack_of, body, messages):
    """A boolean, an object or a set: nothing empty is a match."""
    pack, problems = pack_of(tracee(body))
    assert problems == []
    [found] = pack.evaluate([ptrace("ATTACH", 0, GDB, SHOP)])
    assert [policy.message(each) for policy, results in found for each in results] == messages


OUR_ANSWERS = {
    "text": ('match contains "a \\n b"', ["a \\n b"]),
    "object": ('match contains {"message": "m", "pid": input.process.pid}', ["m (pid: 10)"]),
    "object alone": ('match contains {"message": "m"}', ["m"]),
    "object without message": ('match contains {"a": {1}}', ["a: [1]"]),
    "boolean": ("match if input.process.pid == 10", ["Title of rule"]),
    "several": ('match contains x if some x in ["b", "a"]', ["a", "b"]),
    "long": ('match contains concat("", [x | some _ in numbers.range(1, 600); x := "y"])',
             ["y" * 497 + "..."]),
    "another id": ("match if input.process.pid == 11", []),
}  # fmt: skip


@pytest.mark.parametrize(("body", "messages"), OUR_ANSWERS.values(), ids=OUR_ANSWERS)
def test_what_our_policy_returns_is_told(pack_of, body, messages):
    """Whatever an event's author chose is made printable and cut."""
    pack, problems = pack_of(ours(body + "\n"))
    assert problems == []
    [found] = pack.evaluate([ptrace("ATTACH", 0, GDB, SHOP)])
    assert [policy.message(each) for policy, results in found for each in results] == messages


def test_policies_see_the_documents_of_the_configuration(pack_of):
    """`data.<name>` is what the configuration says."""
    text = ours("match if input.process.executable in data.tools[input.relation]\n")
    pack, problems = pack_of(text, data={"tools": {"cross-uid": ["/usr/bin/gdb"]}})
    assert problems == []
    first, second = (
        event("ptrace", 0, GDB, SHOP, relation=relation) for relation in ("cross-uid", "child")
    )
    assert asked(pack, first, second) == [["rule"], []]


def test_the_nearest_helpers_count(pack_of):
    """Each folder's signatures use that folder's helpers, or those of the folder above it."""
    other = HELPERS.replace("arg.value", '"here"')
    body = 'tracee_match = x { x := helpers.get_tracee_argument("request") }\n'
    pack, problems = pack_of(
        {
            "helpers.rego": HELPERS,
            "a/helpers.rego": other,
            "a/s.rego": tracee(body, "A"),
            "b/s.rego": tracee(body, "B"),
        }
    )
    assert problems == []
    [found] = pack.evaluate([ptrace("ATTACH", 0, GDB, SHOP)])
    assert {policy.about.id: results for policy, results in found} == {
        "A": ("here",),
        "B": ("PTRACE_ATTACH",),
    }


def test_a_name_that_is_no_unicode_is_no_obstacle(pack_of):
    """A lone surrogate in a process's name reads as a question mark."""
    pack, _ = pack_of(ours("match contains input.process.name\n"))
    [found] = pack.evaluate([event("ptrace", 0, Process(pid=1, name="a\udc80"))])
    assert found[0][1] == ("a?",)
