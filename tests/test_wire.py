"""Both sides of the ring agree on where everything is."""

import re
import struct
import subprocess

import pytest

from profguard import wire
from profguard.codegen import header
from profguard.events import BY_NAME, REGISTRY

WIRED = [spec for spec in REGISTRY if spec.wire_args]
LAYOUTS = {"header": wire.HEADER, "task": wire.TASK} | {s.name: wire.arguments(s) for s in WIRED}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_a_member_is_unpacked_from_where_the_header_says_it_is(layout):
    """Bytes that are set at its offset, for its size, are its value and nobody else's."""
    assert struct.calcsize("<" + layout.format) == layout.size
    assert layout.size % 8 == 0
    first = 0
    for member in layout.members:
        record = bytearray(layout.size)
        record[member.offset : member.offset + member.size] = b"\1" * member.size
        fields = struct.unpack("<" + layout.format, record)
        count = len(struct.unpack("<" + member.format, bytes(member.size)))
        set_at = [at for at, value in enumerate(fields) if value and any(_bytes(value))]
        assert set_at == list(range(first, first + count)), member.name
        first += count


def _bytes(value: int | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.to_bytes(8, "little", signed=value < 0)


def test_members_are_where_c_puts_them():
    """Aligned to their own size, the padding before them."""
    offsets = {member.name: member.offset for member in wire.arguments(BY_NAME["prof"]).members}
    assert (offsets["events"], offsets["total"], offsets["cpu"]) == (72, 112, 116)
    assert (offsets["action"], offsets["mode"], offsets["nr_events"]) == (120, 123, 124)


def compiles(text: str, *options: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        ["clang", "-fsyntax-only", "-Werror", "-include", "linux/types.h", *options, "-xc", "-"],
        input=text,
        capture_output=True,
        text=True,
    )


def test_the_compiler_agrees_with_every_offset_and_size():
    done = compiles(header.render())
    assert done.returncode == 0, done.stderr


def test_the_compiler_notices_a_member_that_moved():
    """The assertions are there and do their work."""
    text = header.render()
    for old, new in (("__u32 cmd;", "__u64 cmd;"), ("__u32 tid;", "__u64 tid;")):
        assert old in text
        done = compiles(text.replace(old, new))
        assert done.returncode != 0
        assert re.search("static.assert.* failed", done.stderr)


def test_every_member_and_every_name_of_an_enumeration_is_in_the_header():
    text = header.render()
    for spec in WIRED:
        for arg in spec.wire_args:
            assert f'"pg_{spec.name}.{arg.name}"' in text
    assert all(f"PG_EVENT_{spec.name.upper()} = {spec.id}," in text for spec in REGISTRY)
    assert "PG_PROF_INHERITED = 1 << 13," in text


def test_ids_of_events_are_their_own():
    assert len({spec.id for spec in REGISTRY}) == len(REGISTRY)
