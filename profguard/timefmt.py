"""Nanosecond times as RFC 3339 text, which is how they are shown and stored."""

import re
from datetime import UTC, datetime

_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)")


def rfc3339(time_ns: int) -> str:
    """`2026-01-31T12:00:00.000000001Z` for ns since the epoch."""
    seconds, ns = divmod(time_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{ns:09d}Z"


def from_rfc3339(text: str) -> int:
    """Ns since the epoch. Raises ValueError for anything but an RFC 3339 time."""
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not an RFC 3339 time")
    base, fraction, zone = match.groups()
    moment = datetime.fromisoformat(base.upper() + ("+00:00" if zone in "Zz" else zone))
    return int(moment.timestamp()) * 1_000_000_000 + int((fraction or "").ljust(9, "0"))
