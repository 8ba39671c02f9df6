"""The names that the kernel looks out for: the shipped ones, and those of the configuration."""

import struct
from pathlib import Path

import pytest

from profguard.config.file import parse
from profguard.errors import ConfigError
from profguard.lookout import MAX_VARIABLE, Lookout

AGENTS = [
    ("libprofiler.so.0.5.5", "gperftools"),
    ("libtcmalloc_and_profiler.so.4", "gperftools"),
    ("libtcmalloc.so.4", None),
    ("libasyncProfiler.so", "async-profiler"),
    ("libasyncProfiler-linux-x64-1.so", "async-profiler"),
    ("libjdwp.so", "jdwp"),
    ("_memray.cpython-311-x86_64-linux-gnu.so", "memray"),
    ("libheaptrack_preload.so", "heaptrack"),
    ("vgpreload_memcheck-amd64-linux.so", "valgrind"),
    ("memfd:frida-agent-64.so", "frida"),
    ("memfd:libprofiler.so", "gperftools"),
    ("libc.so.6", None),
    ("my_libprofiler.so", None),
    ("", None),
]


@pytest.mark.parametrize(("name", "agent"), AGENTS, ids=[name or "none" for name, _ in AGENTS])
def test_a_library_is_known_by_how_its_name_begins(name, agent):
    assert Lookout().agent(name) == agent


def test_the_configuration_adds_agents_and_names_them_its_own_way():
    """The longest beginning counts; of two that are the same, the configuration's."""
    config = parse(
        """
        [sensor.agents]
        ours = ["libours-", "libprofiler.so.7"]
        google = ["libprofiler.so"]
        """,
        Path("/etc/profguard.toml"),
    )
    lookout = Lookout(config.sensor.agents)
    assert lookout.agent("libours-1.so") == "ours"
    assert lookout.agent("libprofiler.so.7.1") == "ours"
    assert lookout.agent("libprofiler.so.0") == "google"
    assert lookout.agent("libjdwp.so") == "jdwp"
    added = {key for key, _ in lookout.entries()} - {key for key, _ in Lookout().entries()}
    assert {key[5:].rstrip(b"\0") for key in added} == {
        *(b"libours-", b"memfd:libours-"),
        *(b"libprofiler.so.7", b"memfd:libprofiler.so.7"),
    }


@pytest.mark.parametrize("name", ["", "a/b", "x" * 49, "ü", "a b"])
def test_what_no_file_name_begins_with_is_an_error(name):
    with pytest.raises(ConfigError, match="beginning of a file's name"):
        parse(f'[sensor]\nagents = {{ours = ["{name}"]}}\n', Path("/etc/profguard.toml"))


def test_each_key_says_how_much_of_it_counts():
    """A variable is whole with its `=`, an executable with its NUL; the kernel needs no more."""
    found = {}
    for key, value in Lookout().entries():
        bits, kind, text = struct.unpack("<Ic59s", key)
        counted = text[: bits // 8 - 1]
        assert text.rstrip(b"\0") in (counted, counted[:-1])
        found[kind + counted] = value
    assert found[b"eLD_PRELOAD="] == len("LD_PRELOAD")
    assert found[b"rjava\0"] == 1
    assert found[b"rnode\0"] == 2
    assert found[b"rpython"] == 3
    assert found[b"alibjdwp.so"] == 1
    variables = [key for key in found if key.startswith(b"e")]
    assert all(key.endswith(b"=") and len(key) <= MAX_VARIABLE + 2 for key in variables)
