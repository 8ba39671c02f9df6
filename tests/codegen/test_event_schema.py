"""schemas/event.json describes what the program prints: for any record of any event."""

import struct
from functools import cache
from typing import get_args, get_origin, get_type_hints

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profguard import wire
from profguard.codegen.schemas import event_schema
from profguard.decode import decode
from profguard.events import REGISTRY, Tag
from profguard.model import RELATIONS, SOURCES, Event, Process
from profguard.tiers import TIERS

U32, U63 = st.integers(0, 2**32 - 1), st.integers(0, 2**63 - 1)
DERIVED = {
    "int": U63,
    "str": st.text(),
    "bool": st.booleans(),
    "list": st.lists(st.text()).map(tuple),
}


@cache
def validator():
    schema = event_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def of_hint(hint):
    """Any value of a process attribute; a text or number may be unknown."""
    plain = get_args(hint)[0]
    return {
        tuple: st.lists(st.text()).map(tuple),
        dict: st.dictionaries(st.text(), st.text()),
    }.get(get_origin(plain), st.from_type(plain))


PROCESSES = st.builds(
    Process,
    **{n: of_hint(hint) for n, hint in get_type_hints(Process, include_extras=True).items()},
)


@st.composite
def events(draw, spec):
    """An event as the stations make it: decoded from any bytes, then what they derive."""
    if spec.wire_args:
        head = struct.pack(
            "<" + wire.HEADER.format,
            draw(U63),
            draw(U63),
            draw(U32),
            spec.id,
            draw(st.sampled_from(list(TIERS))),
            draw(st.sampled_from(range(len(SOURCES)))),
        )
        size = 2 * wire.TASK.size + wire.arguments(spec).size
        event = decode(head + draw(st.binary(min_size=size, max_size=size))).event
    else:
        event = Event(spec=spec, time_ns=draw(U63), args=[None] * len(spec.public_args))
    for arg in spec.public_args:
        if arg.ctype is None:
            values = DERIVED[arg.kind]
            event[arg.name] = draw(st.none() | values if Tag.OPT in arg.tags else values)
    event.process = draw(st.none() | PROCESSES)
    event.target = draw(st.none() | PROCESSES)
    event.relation = draw(st.none() | st.sampled_from(list(RELATIONS)))
    event.host = draw(st.none() | st.text())
    return event


@pytest.mark.parametrize("spec", REGISTRY, ids=lambda spec: spec.name)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_every_event_fits_the_schema(spec, data):
    validator().validate(data.draw(events(spec)).as_dict())


VALUES = {"request": "PTRACE_ATTACH", "pid": 1, "ret": 0}


def ptrace(**changes):
    event = {"event": {"name": "ptrace", "time": "1970-01-01T00:00:00Z"}, "ptrace": VALUES}
    return Event.from_dict(event).as_dict() | changes


WRONG = {
    "arguments of another event": ptrace(setitimer={}),
    "no arguments": {key: value for key, value in ptrace().items() if key != "ptrace"},
    "an argument missing": ptrace(ptrace={"request": "PTRACE_ATTACH"}),
    "an argument too many": ptrace(ptrace=ptrace()["ptrace"] | {"note": ""}),
    "a name that is no request": ptrace(ptrace=ptrace()["ptrace"] | {"request": "ATTACH!"}),
    "null for what is always known": ptrace(ptrace=ptrace()["ptrace"] | {"pid": None}),
    "a pid that is no int": ptrace(ptrace=ptrace()["ptrace"] | {"pid": 2**31}),
    "an event that does not exist": ptrace(event=ptrace()["event"] | {"name": "ptracer"}),
    "a process field that does not exist": ptrace(process={"exe": "/bin/true"}),
    "no time": ptrace(event={"name": "ptrace", "source": "live"}),
}


@pytest.mark.parametrize("event", WRONG.values(), ids=WRONG)
def test_the_schema_refuses(event):
    validator().validate(ptrace())
    assert not validator().is_valid(event)
