"""What policies may do to the worker, and the worker never to its parent."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from profguard.model import Process
from profguard.rules.rego.service import Service
from tests.events import event
from tests.rules_engine.rego.texts import ours

GOOD = ours("match if input.process.pid % 2 == 0\n", "good")
# A policy that is tried as it loads is harmless then: it is the live event that it chokes on.
TRAP = 'input.process.name == "trap"\n'
SLOW = ours(
    f"match if {{\n    {TRAP}    some i in numbers.range(1, 100000)\n"
    "    some j in numbers.range(1, 100000)\n    i * j == 0 - input.process.pid\n}\n",
    "bad",
)
GREEDY = ours(f"match if {{\n    {TRAP}    count(numbers.range(1, 1000000000)) == 1\n}}\n", "bad")
WORDY = ours(
    f"match contains x if {{\n    {TRAP}    x := [i | some i in numbers.range(1, 100000)]\n}}\n",
    "bad",
)
FAULTY = ours(f"match if {{\n    {TRAP}    to_number(input.process.executable) == 1\n}}\n", "bad")


def acts(*names: str, start: int = 0) -> list:
    """Events of processes with these names, numbered by pid from `start`."""
    return [
        event("ptrace", n, Process(pid=start + n, name=name, executable=f"/x{start + n}"))
        for n, name in enumerate(names)
    ]


def ids(found) -> list[list[str]]:
    return [[policy.about.id for policy, _ in each] for each in found]


def bad(pack):
    return next(s for policy, s in pack.record.statistics.items() if policy.about.id == "bad")


def test_a_slow_policy_is_named_and_the_others_answer(pack_of):
    """The event that it hangs at costs it a strike; all else is asked again."""
    pack, problems = pack_of({"good.rego": GOOD, "bad.rego": SLOW}, limit_s=0.3)
    assert problems == []
    found = pack.evaluate(acts("a", "b", "trap", "c", "d"))
    assert ids(found) == [["good"], [], ["good"], [], ["good"]]
    assert (bad(pack).timeouts, bad(pack).errors) == (1, 1)
    assert bad(pack).last_error == "evaluation takes longer than 0.3 s"


def test_after_three_strikes_it_is_switched_off(pack_of):
    pack, _ = pack_of({"good.rego": GOOD, "bad.rego": SLOW}, limit_s=0.2)
    troubles = []
    pack.record.on_trouble = troubles.append
    assert ids(pack.evaluate(acts(*["trap"] * 6))) == [["good"], [], ["good"], [], ["good"], []]
    assert bad(pack).switched_off
    assert troubles == [
        "rule 'Title of bad': evaluation takes longer than 0.2 s",
        "rule 'Title of bad' is switched off until rules reload",
    ]
    start = time.monotonic()
    assert ids(pack.evaluate(acts("trap", start=10))) == [["good"]]
    assert time.monotonic() - start < 0.2
    assert bad(pack).timeouts == 3


@pytest.mark.parametrize("text", [GREEDY], ids=["memory"])
def test_a_policy_that_ends_the_engine_is_named(pack_of, text):
    """Once could be chance, so it is asked again; the second time is a strike."""
    pack, problems = pack_of({"good.rego": GOOD, "bad.rego": text})
    assert problems == []
    assert ids(pack.evaluate(acts("a", "trap", "b"))) == [["good"], [], ["good"]]
    assert (bad(pack).crashes, bad(pack).timeouts) == (1, 0)
    assert bad(pack).last_error == "evaluation ends the engine"


def test_errors_of_builtins_are_counted_with_the_last_words(pack_of):
    pack, problems = pack_of({"good.rego": GOOD, "bad.rego": FAULTY})
    assert problems == []
    assert ids(pack.evaluate(acts("trap", "a", "trap"))) == [["good"], [], ["good"]]
    assert (bad(pack).errors, bad(pack).evaluations) == (2, 3)
    assert bad(pack).last_error == "could not parse string as number"


def test_an_answer_that_is_too_large_is_an_error(pack_of):
    pack, _ = pack_of({"bad.rego": WORDY})
    assert ids(pack.evaluate(acts("trap"))) == [[]]
    assert bad(pack).last_error == "the answer is too large"


@pytest.mark.parametrize("events", [1, 3000], ids=["one", "many"])
def test_a_worker_that_is_killed_loses_nothing(pack_of, events):
    """kill -9 between batches: the next one is answered whole, by another worker."""
    pack, _ = pack_of(GOOD)
    for round_ in range(3):
        os.kill(pack.service.process().pid, signal.SIGKILL)
        found = pack.evaluate(acts(*["a"] * events, start=round_ * events))
        assert sum(map(bool, found)) == (events + 1 - round_ * events % 2) // 2
    assert all(s.errors == 0 for s in pack.record.statistics.values())


def test_a_worker_that_is_killed_in_the_middle_loses_nothing(pack_of):
    """Killed while it is at work, again and again: the answers are the same."""
    pack, _ = pack_of(GOOD)
    over = threading.Event()

    def shoot():
        while not over.wait(0.05):
            process = pack.service._process
            if process is not None:
                with suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGKILL)

    shooter = threading.Thread(target=shoot)
    events = acts(*["a"] * 20_000)
    shooter.start()
    try:
        found = pack.evaluate(events)
    finally:
        over.set()
        shooter.join()
    assert len(found) == len(events)
    lost = next(iter(pack.record.statistics.values())).errors
    assert sum(map(bool, found)) >= len(events) // 2 - lost
    assert pack.evaluate(acts("a", start=100_000)) != [()]


def test_batches_do_not_matter(pack_of):
    """One by one, all at once and again from memory: the same answers."""
    pack, _ = pack_of({"good.rego": GOOD, "bad.rego": FAULTY})
    events = acts(*["a", "trap", "b"] * 300)
    at_once = pack.evaluate(events)
    other, _ = pack_of({"good.rego": GOOD, "bad.rego": FAULTY})
    assert ids(other.evaluate([each])[0] for each in events) == ids(at_once)
    assert ids(pack.evaluate(events)) == ids(at_once)


def test_a_slow_start_is_waited_for():
    """A machine that is busy starts it late, which is no fault of a policy or of Rego."""
    service = Service(limit_s=0.2)
    pid = service._process.pid
    os.kill(pid, signal.SIGSTOP)
    timer = threading.Timer(6, os.kill, (pid, signal.SIGCONT))
    timer.start()
    try:
        assert service.process().pid == pid
        assert service.builtins
    finally:
        timer.join()
        service.stop()


def test_what_it_does_before_any_policy_is_its_start():
    """Taking the data documents is slow on a slow machine, or where they are large."""
    service = Service(data={"numbers": list(range(500_000))}, limit_s=0.01)
    try:
        service.process()
        assert service.builtins
    finally:
        service.stop()


def test_pipes_that_are_full_do_not_block(pack_of):
    """Megabytes of questions and of answers, both under way at once."""
    text = ours('match contains sprintf("%s%s", [input.process.name, input.process.name])\n')
    pack, _ = pack_of(text)
    events = [event("ptrace", n, Process(pid=n, name=f"{n}" + "x" * 4000)) for n in range(2000)]
    found = pack.evaluate(events)
    assert all(len(each[0][1][0]) > 8000 for each in found)


def test_nothing_is_left_behind(pack_of, descriptors):
    """After close there is no process, no zombie and no descriptor, whatever happened before."""
    before = descriptors()
    pack, _ = pack_of({"good.rego": GOOD, "bad.rego": SLOW}, limit_s=0.2)
    pack.evaluate(acts("a", "trap"))
    pids = [pack.service.process().pid]
    os.kill(pids[0], signal.SIGKILL)
    pack.evaluate(acts("b"))
    pids.append(pack.service.process().pid)
    pack.close()
    assert descriptors() == before
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    pack.close()


def test_the_worker_has_nothing(pack_of):
    """No environment, no descriptors but its own, no network, no rights to gain."""
    os.environ["PROFGUARD_SECRET"] = "hidden"  # and what it would do with it
    try:
        pack, _ = pack_of(GOOD)
        pid = pack.service.process().pid
    finally:
        del os.environ["PROFGUARD_SECRET"]
    proc = Path(f"/proc/{pid}")
    assert b"PROFGUARD" not in (proc / "environ").read_bytes()
    status = dict(
        line.split(":\t", 1) for line in (proc / "status").read_text().splitlines() if ":\t" in line
    )
    assert status["NoNewPrivs"] == "1"
    assert int(status["CapEff"], 16) == 0
    links = {os.readlink(each) for each in (proc / "fd").iterdir()}
    assert {link.partition(":")[0] for link in links} <= {
        "pipe", "/dev/null", "/memfd", "/memfd:profguard-rego (deleted)",
    }  # fmt: skip
    limits = (proc / "limits").read_text()
    assert "Max core file size        0 " in limits
    if os.geteuid() == 0:
        assert os.readlink(proc / "ns/net") != os.readlink("/proc/self/ns/net")


def test_it_ends_with_its_parent(tmp_path):
    """Also where the parent is killed while a policy is at work."""
    (tmp_path / "bad.rego").write_text(SLOW)
    script = f"""
import threading, sys
from pathlib import Path
from profguard.rules.rego.pack import load_pack
from tests.rules_engine.rego.test_worker import acts
pack = load_pack([Path({str(tmp_path / "bad.rego")!r})], [], limit_s=60)
print(pack.service.process().pid, flush=True)
pack.evaluate(acts("trap"))
"""
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    pid = int(child.stdout.readline())
    time.sleep(0.2)
    child.kill()
    child.wait()
    child.stdout.close()
    until = time.monotonic() + 5
    while _runs(pid) and time.monotonic() < until:
        time.sleep(0.02)
    assert not _runs(pid)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
