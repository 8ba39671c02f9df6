"""Times as people write them: `10m` ago, a date, or an RFC 3339 time."""

import re
from datetime import datetime

from profguard.timefmt import from_rfc3339

_LATEST_NS = (1 << 63) - 1  # in the year 2262
_AGO = re.compile(r"(\d{1,9})(s|m|h|d|w)")
_UNIT_NS = {
    unit: s * 10**9 for unit, s in {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}.items()
}


def moment_ns(text: str, now_ns: int) -> int:
    """Ns since the epoch for `text`; without a zone it is local time. Raises ValueError."""
    try:
        moment = _moment_ns(text, now_ns)
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is neither a time nor an age such as 10m") from None
    return min(max(moment, 0), _LATEST_NS)


def _moment_ns(text: str, now_ns: int) -> int:
    if match := _AGO.fullmatch(text):
        return now_ns - int(match[1]) * _UNIT_NS[match[2]]
    try:
        return from_rfc3339(text)
    except ValueError:
        return int(datetime.fromisoformat(text).astimezone().timestamp() * 1_000_000) * 1_000
