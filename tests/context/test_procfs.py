"""Reading one process, whatever happens to it meanwhile."""

import os
import shutil
import time
from pathlib import Path

import pytest

from profguard.context.procfs import Image, ProcDir


@pytest.mark.skipif(os.geteuid() != 0, reason="only root chooses pids")
def test_a_handle_never_shows_the_next_process_of_its_pid(fork):
    pid = fork()
    with ProcDir("/proc", pid) as process:
        stat = process.stat()
        assert process.image(stat, frozenset()).executable == os.readlink("/proc/self/exe")
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        for _ in range(50):
            Path("/proc/sys/kernel/ns_last_pid").write_text(str(pid - 1))
            if fork() == pid:
                break
        else:
            pytest.skip("other processes took the pid each time")
        assert os.path.exists(f"/proc/{pid}/stat")
        with pytest.raises(OSError):
            process.stat()
        assert process.image(stat, frozenset([b"PATH"])) == Image()
        assert process.cgroup() is None
        assert not process.has_thread(pid)


def test_a_pid_that_is_not_in_use_is_an_error():
    with pytest.raises(OSError):
        ProcDir("/proc", 2**22 + 7)


def test_programs_are_not_mixed_while_a_process_becomes_another(spawn, tmp_path):
    """Two shells that execute each other again and again, each called by its own path."""
    one, other = str(tmp_path / "one"), str(tmp_path / "other")
    for path in (one, other):
        shutil.copy(shutil.which("sh"), path)
    script = 'exec "$2" -c "$0" "$0" "$2" "$1"'
    child = spawn(one, "-c", script, script, one, other)
    seen = set()
    deadline = time.monotonic() + 0.3
    with ProcDir("/proc", child.pid) as process:
        while time.monotonic() < deadline:
            image = process.image(process.stat(), frozenset())
            # Right after an exec the program is in place and its arguments are not.
            if image.command_line is not None:
                assert image.command_line.startswith(f"{image.executable} -c")
                seen.add(image.executable)
    assert seen == {one, other}
