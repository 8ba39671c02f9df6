"""SIGHUP asks for the rules, unless it says that the terminal is gone."""

import fcntl
import os
import pty
import signal
import subprocess
import sys
import termios

import pytest

CODE = """
import sys, time
from profguard.cli import options
going_on = options.until(None)
options.at_hangup(lambda: print("reload", file=sys.stderr, flush=True))
print("ready", file=sys.stderr, flush=True)
while going_on():
    time.sleep(0.01)
print("ended", file=sys.stderr, flush=True)
"""


@pytest.fixture
def start():
    """Start it with this stdout; what it says comes on stderr."""
    processes = []

    def start(stdout, **options):
        command = [sys.executable, "-c", CODE]
        process = subprocess.Popen(
            command, stdin=stdout, stdout=stdout, stderr=subprocess.PIPE, text=True, **options
        )
        processes.append(process)
        assert process.stderr.readline() == "ready\n"
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()
        process.stderr.close()


def test_a_service_reads_its_rules_again(start):
    process = start(subprocess.DEVNULL)
    for _ in range(3):
        process.send_signal(signal.SIGHUP)
        assert process.stderr.readline() == "reload\n"
    process.terminate()
    assert process.communicate(timeout=10)[1] == "ended\n"


def test_in_a_terminal_it_ends_with_the_terminal_and_not_before(start):
    ours, theirs = pty.openpty()
    process = start(
        theirs,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(theirs)
    process.send_signal(signal.SIGHUP)
    assert process.stderr.readline() == "reload\n"
    os.close(ours)
    assert process.communicate(timeout=10)[1] == "ended\n"
