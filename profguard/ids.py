"""Ids that sort by time and are the same again when the same events are replayed."""

import hashlib
import uuid
from typing import Any


def uuid7(time_ns: int, seed: Any) -> str:
    """A UUIDv7 of that time; its random bits come from `seed`, so that a replay makes the same."""
    digest = hashlib.sha256(repr((time_ns, seed)).encode("utf-8", "backslashreplace")).digest()
    value = (time_ns // 1_000_000 & (1 << 48) - 1) << 80 | int.from_bytes(digest[:10])
    value = value & ~(0xF << 76) | 7 << 76
    value = value & ~(3 << 62) | 2 << 62
    return str(uuid.UUID(int=value))
