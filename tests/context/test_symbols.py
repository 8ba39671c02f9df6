"""Functions by their place in a file: of real libraries, and of files that are none."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profguard.context.symbols import Symbols

LIBC = next(
    line.split()[-1]
    for line in Path("/proc/self/maps").read_text().splitlines()
    if re.search(r"/libc[.-]", line)
)


def names(path, offsets, *, inode=None, pid=None):
    found = os.stat(path)
    dev = os.major(found.st_dev) << 20 | os.minor(found.st_dev)
    return Symbols().names(pid or os.getpid(), str(path), inode or found.st_ino, dev, offsets)


@pytest.fixture(scope="module")
def table():
    """What readelf says of libc's functions: their address, which is here that in the file."""
    text = subprocess.check_output(["readelf", "--wide", "--dyn-syms", LIBC], text=True)
    rows = (line.split() for line in text.splitlines() if " FUNC " in line and " UND " not in line)
    return {row[7].partition("@")[0]: (int(row[1], 16), int(row[2], 0)) for row in rows}


@pytest.mark.parametrize("name", ["malloc", "getaddrinfo", "fork", "qsort"])
def test_functions_of_the_c_library(table, name):
    """At its begin and within; at its end something else begins."""
    start, size = table[name]
    assert names(LIBC, [start]) == (name,)
    assert names(LIBC, [start + size - 1]) == (name,)
    assert name not in (names(LIBC, [start + size]) or ())


def test_several_places(table):
    """In their order, each function once, and nothing for a place that is in none."""
    (first, _), (second, _) = table["qsort"], table["malloc"]
    assert names(LIBC, [first, second, 1, first + 1]) == ("qsort", "malloc")
    assert names(LIBC, [1]) is None


def test_the_path_is_as_the_process_sees_it(table, tmp_path):
    """Whoever is gone sees nothing: then the path is taken as it is here."""
    child = subprocess.Popen(["true"])
    child.wait()
    start, _ = table["malloc"]
    assert names(LIBC, [start], pid=child.pid) == ("malloc",)


def test_another_file_at_that_path_is_no_answer(table):
    start, _ = table["malloc"]
    assert names(LIBC, [start], inode=1) is None


def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    assert names(tmp_path / "fifo", [0]) is None
    assert names(tmp_path, [0]) is None
    assert Symbols().names(os.getpid(), str(tmp_path / "gone"), 1, 1, [0]) is None


@given(data=st.data())
def test_any_bytes_give_names_or_none(data, tmp_path_factory):
    """A library with some bytes changed in its headers, and cut off somewhere."""
    whole = bytearray(Path(LIBC).read_bytes()[: 1 << 16])
    for _ in range(data.draw(st.integers(1, 8))):
        whole[data.draw(st.integers(4, 1023))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("elf") / "broken"
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    answer = names(path, [0, 4096, 1 << 40])
    assert answer is None or all(isinstance(name, str) for name in answer)
