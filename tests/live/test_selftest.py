"""`profguard selftest`: every act is really done, and what is missing is said."""

import json
import os
import subprocess

import pytest

from profguard.selftest.acts import ACTS
from tests.live.harness import FUNCTIONS, OPTIONS, PROFGUARD

pytestmark = pytest.mark.live


def selftest(before: str = "") -> tuple[int, list[dict]]:
    """Its exit code and results, with a mount namespace of its own, in which `before` was done."""
    script = f'{before}\nexec "$0" selftest --json "$@"'
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, PROFGUARD, *OPTIONS],
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.proves("selftest", "all that it does, by whom and to whom")
def test_all_that_this_tier_can_tell_is_seen(kernel):
    """Each event of each act, by whom and about whom; what the tier is blind to is no failure."""
    code, results = selftest()
    assert code == 0, results
    assert {result["act"] for result in results} == {act.name for act in ACTS if act.is_possible}
    assert len(results) == sum(len(act.told) for act in ACTS if act.is_possible)
    blind = [result for result in results if result["verdict"] != "seen"]
    seen_by = {result["event"]: result["tier"] for result in results if result["tier"]}
    assert {result["verdict"] for result in blind} <= {"not in this tier"}
    assert len(blind) == sum(
        seen_by[told.event] not in FUNCTIONS
        for act in ACTS
        if act.is_possible and act.tiers == frozenset(FUNCTIONS)
        for told in act.told
    ) + ("bcc" in OPTIONS)  # which has no probe for settings
    assert all(not _is_alive(result["actor"]) for result in results)


@pytest.mark.skipif("--tier" in OPTIONS or "--loader" in OPTIONS, reason="one tier is hidden here")
def test_what_is_not_attached_is_missed(kernel):
    """Without its tracepoint no ptrace is seen: the selftest fails, and says where to look."""
    code, results = selftest(
        "for tracing in /sys/kernel/tracing /sys/kernel/debug/tracing; do"
        " [ ! -d $tracing/events ] ||"
        " mount -t tmpfs tmpfs $tracing/events/syscalls/sys_exit_ptrace; done"
    )
    missed = [result for result in results if result["verdict"] == "not seen"]
    if not missed and results[0]["tier"] in FUNCTIONS:
        pytest.skip("this kernel sees ptrace without tracepoints")
    assert code == 1
    assert {result["event"] for result in missed} == {"ptrace"}
    assert {result["note"] for result in missed} == {"a probe is refused, see 'profguard doctor'"}


def _is_alive(pid: int) -> bool:
    return os.path.exists(f"/proc/{pid}")
