"""How records are laid out between kernel and userspace, computed once for both sides.

Members keep their declared order; each is aligned to its size, as C does it, and the padding is
written out, so that the C header can assert every offset and the decoder can skip it.
"""

import re
from dataclasses import dataclass
from functools import cache

from profguard.events import EventSpec
from profguard.rawtask import TASK_MEMBERS

_FORMATS = {"u8": "B", "u16": "H", "u32": "I", "s32": "i", "u64": "Q", "s64": "q"}
_SIZES = {"u8": 1, "u16": 2, "u32": 4, "s32": 4, "u64": 8, "s64": 8}
_ARRAY = re.compile(r"(\w+)\[(\d+)\]")

# The start of every record; then the acting task, then the target, then the event's arguments.
HEADER_MEMBERS = (
    ("boot_ns", "u64"),
    ("sequence", "u64"),
    ("cpu", "u32"),
    ("event", "u16"),
    ("tier", "u8"),
    ("source", "u8"),
)


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a struct: C declaration, offset and size in bytes, struct format."""

    name: str
    ctype: str
    offset: int
    size: int
    format: str
    length: int | None  # elements, of an array

    @property
    def declaration(self) -> str:
        base = _ARRAY.fullmatch(self.ctype)
        ctype = base.group(1) if base else self.ctype
        ctype = "char" if ctype in ("path", "argv") else f"__{ctype}" if ctype != "char" else ctype
        return f"{ctype} {self.name}[{self.length}]" if base else f"{ctype} {self.name}"


@dataclass(frozen=True, slots=True)
class Layout:
    """A struct: its members in order, its size, and the `struct` format with padding."""

    members: tuple[Member, ...]
    size: int
    format: str


def _lay_out(declared, *, align_end: int = 8) -> Layout:
    members, parts, offset = [], [], 0
    for name, ctype in declared:
        array = _ARRAY.fullmatch(ctype)
        base, length = (array.group(1), int(array.group(2))) if array else (ctype, None)
        text = base in ("char", "path", "argv")
        unit = 1 if text else _SIZES[base]
        code = f"{length}s" if text else f"{length or ''}{_FORMATS[base]}"
        gap = -offset % unit
        if gap:
            parts.append(f"{gap}x")
        offset += gap
        size = unit * (length or 1)
        members.append(Member(name, ctype, offset, size, code, length))
        parts.append(code)
        offset += size
    gap = -offset % align_end
    if gap:
        parts.append(f"{gap}x")
    return Layout(tuple(members), offset + gap, "".join(parts))


HEADER = _lay_out(HEADER_MEMBERS)
TASK = _lay_out(TASK_MEMBERS)


@cache
def arguments(spec: EventSpec) -> Layout:
    """The layout of the arguments of one event, from the start of its arguments."""
    return _lay_out((arg.name, arg.ctype) for arg in spec.wire_args)
