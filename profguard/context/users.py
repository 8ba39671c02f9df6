"""Names of users, asked rarely: the answer may come over the network."""

import pwd
import time

_LIMIT = 4096
_FRESH_S = 300


class UserNames:
    """User name by id; an answer is kept for five minutes, also that there is none."""

    def __init__(self):
        self._names: dict[int, tuple[float, str | None]] = {}

    def name(self, uid: int) -> str | None:
        now = time.monotonic()
        asked, name = self._names.get(uid, (None, None))
        if asked is not None and now - asked < _FRESH_S:
            return name
        try:
            name = pwd.getpwuid(uid).pw_name
        except (KeyError, OverflowError):
            name = None
        if len(self._names) >= _LIMIT:
            self._names.clear()
        self._names[uid] = now, name
        return name
