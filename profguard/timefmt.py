"""Nanosecond times as RFC 3339 text, which is how they are shown and stored."""

import re
from datetime import UTC, datetime

_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


def rfc3339(time_ns: int) -> str:
    """`2026-01-31T12:00:00.000000001Z` for ns since the epoch."""
    seconds, ns = divmod(time_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{ns:09d}Z"


def from_rfc3339(text: str) -> int:
    """Ns since the epoch. Raises ValueError for anything but an RFC 3339 time, 1970 to 2262."""
    match = _RFC3339.fullmatch(text)
    try:
        base, fraction, zone = match.groups()
        moment = datetime.fromisoformat(base.upper() + ("+00:00" if zone in "Zz" else zone))
    except (AttributeError, ValueError):
        raise ValueError(f"{text!r} is not an RFC 3339 time") from None
    time_ns = int(moment.timestamp()) * 1_000_000_000 + int((fraction or "").ljust(9, "0"))
    if not 0 <= time_ns < 1 << 63:
        raise ValueError(f"{text!r} is not a time between 1970 and 2262")
    return time_ns


def span(ns: int) -> str:
    """A length of time for people: `40 us`, `1.5 s`, `2 h 5 min`."""
    if ns < 1_000:
        return f"{ns} ns"
    if ns < 60_000_000_000:
        units = ((1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us"))
        unit_ns, unit = next(pair for pair in units if ns >= pair[0])
        return f"{ns / unit_ns:.1f}".removesuffix(".0") + f" {unit}"
    minutes, seconds = divmod(ns // 1_000_000_000, 60)
    hours, minutes_left = divmod(minutes, 60)
    if hours < 1:
        return f"{minutes} min {seconds} s"
    return f"{hours} h {minutes_left} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"
