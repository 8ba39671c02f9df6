"""The layout of a kernel image's structures, by the type information in it (BTF).

Read without libbpf, whose answer it is to check: Documentation/bpf/btf.rst has the format.
"""

import lzma
import struct
import subprocess
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

_STRUCT, _UNION = 4, 5
_QUALIFIERS = 8, 9, 10, 11, 18  # a typedef, const, volatile, restrict, a tag: of another type
# By kind: bytes that follow a type, and those that follow for each of its entries.
_MORE = {1: (4, 0), 3: (12, 0), 4: (0, 12), 5: (0, 12), 6: (0, 8), 13: (0, 8), 14: (4, 0)}
_MORE |= {15: (0, 12), 17: (4, 0), 19: (0, 12)}


def of_image(path: Path) -> "Btf":
    """The types of a vmlinuz, which is a compressed ELF file behind a loader."""
    data = path.read_bytes()
    for magic, unpack in ((b"\xfd7zXZ\0", _unxz), (b"\x28\xb5\x2f\xfd", _unzstd)):
        at = -1
        while (at := data.find(magic, at + 1)) >= 0:
            if (elf := unpack(data[at:])).startswith(b"\x7fELF"):
                return Btf(elf)
    raise ValueError(f"{path} is packed in another way")


def _unxz(data: bytes) -> bytes:
    try:
        return lzma.LZMADecompressor().decompress(data)
    except lzma.LZMAError:
        return b""


def _unzstd(data: bytes) -> bytes:
    return subprocess.run(["zstd", "-dc"], input=data, capture_output=True, check=False).stdout


class Btf:
    """The structures in an ELF file's section .BTF."""

    def __init__(self, elf: bytes):
        raw = _section(elf, b".BTF")
        size, types_at, types_size, names_at, _ = struct.unpack_from("<5I", raw, 4)
        self._names = raw[size + names_at :]
        self._types = [("", 0, 0, [])]  # name, kind, type that it is of, members
        at, end = size + types_at, size + types_at + types_size
        while at < end:
            name, info, of = struct.unpack_from("<3I", raw, at)
            kind, count = info >> 24 & 31, info & 0xFFFF
            fixed, each = _MORE.get(kind, (0, 0))
            members = []
            if kind in (_STRUCT, _UNION):
                mask = 0xFFFFFF if info >> 31 else 0xFFFFFFFF  # a bit field's size is above
                for place in range(at + 12, at + 12 + 12 * count, 12):
                    member, type_, offset = struct.unpack_from("<3I", raw, place)
                    members.append((self._name(member), type_, offset & mask))
            self._types.append((self._name(name), kind, of, members))
            at += 12 + fixed + each * count

    def _name(self, at: int) -> str:
        return self._names[at : self._names.index(b"\0", at)].decode()

    @cached_property
    def structs(self) -> dict[str, dict[str, int]]:
        """The offset of each member of each structure that has a name, in bytes."""
        return {
            name: {member: bits // 8 for member, bits in self._members(members)}
            for name, kind, _, members in self._types
            if name and kind == _STRUCT
        }

    def _members(self, members: list, base: int = 0) -> Iterator[tuple[str, int]]:
        for name, type_, offset in members:
            if name:
                yield name, base + offset
                continue
            inner = self._types[type_]
            while inner[1] in _QUALIFIERS:
                inner = self._types[inner[2]]
            yield from self._members(inner[3], base + offset)


def _section(elf: bytes, wanted: bytes) -> bytes:
    (table,) = struct.unpack_from("<Q", elf, 40)
    count, names = struct.unpack_from("<HH", elf, 60)
    headers = [struct.unpack_from("<II4Q", elf, table + 64 * number) for number in range(count)]
    for name, _, _, _, at, size in headers:
        start = headers[names][4] + name
        if elf[start : elf.index(b"\0", start)] == wanted:
            return elf[at : at + size]
    raise ValueError(f"there is no section {wanted.decode()}")
