"""What a compiler may make of any line, and older kernels refuse."""

import re
import subprocess

import pytest

import hatch_build

# Before 5.12 an addition that gives no result is the only atomic operation (5ffa25502b5a).
ATOMIC = re.compile(r"^lock |= (atomic|xchg|cmpxchg)")
ADDITION = re.compile(r"lock \*\(u(32|64) \*\)\(r\d+ \+ \d+\) \+= [rw]\d+$")


sources = pytest.mark.parametrize(
    "source", sorted(hatch_build.ROOT.glob("bpf/*.bpf.c")), ids=lambda path: path.name
)


@pytest.fixture
def assembly(source, tmp_path):
    """What the compiler makes of a file."""
    path = tmp_path / "assembly"
    command = [*hatch_build._bpf_compiler(), "-S", source, "-o", path]
    done = subprocess.run(command, cwd=hatch_build.ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return path.read_text()


@sources
def test_atomic_operations_are_additions(assembly):
    """Debian's 5.10 refuses a program that has another: `BPF_STX uses reserved fields`."""
    instructions = [line.strip() for line in assembly.splitlines()]
    atomic = [line for line in instructions if ATOMIC.search(line)]
    assert [line for line in atomic if not ADDITION.match(line)] == []


# In clang's assembly: a structure with the place of its name, a name, and a relocation by type.
STRUCT = re.compile(r"\.long\s+(\d+)\s+# BTF_KIND_STRUCT\(id = (\d+)\)")
NAME = re.compile(r'\.asci[iz]\s+"(\w+)"\s+# string offset=(\d+)')
RELOCATION = re.compile(
    r"\.long\s+\.Ltmp\d+\n\s+\.long\s+(\d+)\n\s+\.long\s+\d+\n\s+\.long\s+\d+\n"
)


@sources
def test_only_structures_of_the_kernel_are_fitted_to_it(assembly):
    """PG_READ(ours->member, ...) would have a kernel before 6.2 refuse the program."""
    _, _, types = assembly.partition(".BTF,")
    names = {"0": ""} | {offset: name for name, offset in NAME.findall(types)}
    structs = {number: names[offset] for offset, number in STRUCT.findall(types)}
    _, _, relocations = types.partition("# FieldReloc")
    fitted = {structs.get(number, "") for number in RELOCATION.findall(relocations)}
    assert [name for name in fitted if name.startswith("pg_")] == []
