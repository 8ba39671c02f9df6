"""Instructions that the oldest kernel does not know, and that a compiler may make of any line."""

import re
import subprocess

import pytest

import hatch_build

# Before 5.12 an addition that gives no result is the only atomic operation (5ffa25502b5a).
ATOMIC = re.compile(r"^lock |= (atomic|xchg|cmpxchg)")
ADDITION = re.compile(r"lock \*\(u(32|64) \*\)\(r\d+ \+ \d+\) \+= [rw]\d+$")


@pytest.mark.parametrize(
    "source", sorted(hatch_build.ROOT.glob("bpf/*.bpf.c")), ids=lambda path: path.name
)
def test_atomic_operations_are_additions(source, tmp_path):
    """Debian's 5.10 refuses a program that has another: `BPF_STX uses reserved fields`."""
    assembly = tmp_path / "assembly"
    command = [*hatch_build._bpf_compiler(), "-S", source, "-o", assembly]
    done = subprocess.run(command, cwd=hatch_build.ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    instructions = [line.strip() for line in assembly.read_text().splitlines()]
    atomic = [line for line in instructions if ATOMIC.search(line)]
    assert [line for line in atomic if not ADDITION.match(line)] == []
