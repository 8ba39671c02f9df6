"""Names of users."""

import os
import pwd

import pytest

from profguard.context import users


@pytest.mark.parametrize("uid", [os.getuid(), 3_999_999_999, 2**40], ids=["own", "none", "huge"])
def test_a_name_is_asked_for_once_until_it_is_old(monkeypatch, uid):
    """Also where there is none: the answer may take a directory server."""
    asked, clock = [], [0.0]
    answer = pwd.getpwuid

    def getpwuid(uid):
        asked.append(uid)
        return answer(uid)

    monkeypatch.setattr(pwd, "getpwuid", getpwuid)
    monkeypatch.setattr(users.time, "monotonic", lambda: clock[0])
    names = users.UserNames()
    expected = pwd.getpwuid(uid).pw_name if uid == os.getuid() else None
    asked.clear()
    assert {names.name(uid) for _ in range(100)} == {expected}
    assert asked == [uid]
    clock[0] += 1000
    assert names.name(uid) == expected
    assert asked == [uid, uid]
