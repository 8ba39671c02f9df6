"""libbpf.so.1 through ctypes: the only module that knows it.

Every pointer that libbpf returns is checked here: most of its functions crash on NULL. What libbpf
has to say is collected only where that is asked for, to explain a load that failed: it calls back
for every relocation, also for those it says nothing of, and each call waits for Python.
"""

import ctypes
import os
import re
from collections.abc import Iterator
from ctypes import c_char_p, c_int, c_size_t, c_uint32, c_void_p
from functools import cache
from pathlib import Path

from profguard.errors import SensorError
from profguard.sensor import cgroups

_PRINTER = ctypes.CFUNCTYPE(c_int, c_int, c_char_p, c_void_p)
_WARN, _DEBUG = 0, 2
_KIND_FUNC = 12  # BTF_KIND_FUNC
_FUNCTION_PREFIX = {"fentry": "", "fexit": "", "lsm": "bpf_lsm_"}
# Where struct bpf_prog_info (include/uapi/linux/bpf.h) has recursion_misses, since 5.12.
_MISSES_AT = 208
_FAILED = re.compile(r"prog '([^']+)': (?:failed to load|BPF program load failed)")

# name: (result, arguments)
_FUNCTIONS = {
    "bpf_object__open_file": (c_void_p, [c_char_p, c_void_p]),
    "bpf_object__load": (c_int, [c_void_p]),
    "bpf_object__close": (None, [c_void_p]),
    "bpf_object__find_map_by_name": (c_void_p, [c_void_p, c_char_p]),
    "bpf_object__find_program_by_name": (c_void_p, [c_void_p, c_char_p]),
    "bpf_object__next_program": (c_void_p, [c_void_p, c_void_p]),
    "bpf_object__next_map": (c_void_p, [c_void_p, c_void_p]),
    "bpf_program__name": (c_char_p, [c_void_p]),
    "bpf_program__section_name": (c_char_p, [c_void_p]),
    "bpf_program__set_autoload": (c_int, [c_void_p, ctypes.c_bool]),
    "bpf_program__attach": (c_void_p, [c_void_p]),
    "bpf_program__attach_cgroup": (c_void_p, [c_void_p, c_int]),
    "bpf_program__fd": (c_int, [c_void_p]),
    "bpf_obj_get_info_by_fd": (c_int, [c_int, c_void_p, c_void_p]),
    "bpf_map__name": (c_char_p, [c_void_p]),
    "bpf_map__fd": (c_int, [c_void_p]),
    "bpf_map__max_entries": (c_uint32, [c_void_p]),
    "bpf_map__set_max_entries": (c_int, [c_void_p, c_uint32]),
    "bpf_map__reuse_fd": (c_int, [c_void_p, c_int]),
    "bpf_map__set_initial_value": (c_int, [c_void_p, c_void_p, c_size_t]),
    "bpf_map_lookup_elem": (c_int, [c_int, c_void_p, c_void_p]),
    "bpf_map_update_elem": (c_int, [c_int, c_void_p, c_void_p, ctypes.c_uint64]),
    "bpf_map_get_next_key": (c_int, [c_int, c_void_p, c_void_p]),
    "bpf_link__destroy": (c_int, [c_void_p]),
    "bpf_link__fd": (c_int, [c_void_p]),
    "btf__load_vmlinux_btf": (c_void_p, []),
    "btf__find_by_name_kind": (c_int, [c_void_p, c_char_p, c_uint32]),
    "bpf_iter_create": (c_int, [c_int]),
    "libbpf_num_possible_cpus": (c_int, []),
    "libbpf_set_print": (c_void_p, [_PRINTER]),
    "libbpf_version_string": (c_char_p, []),
}


class LibbpfError(OSError):
    """A call of libbpf failed; `log` has what libbpf and the verifier said."""

    def __init__(self, number: int, what: str, log: list[str]):
        super().__init__(number, f"{what}: {os.strerror(number)}")
        self.log = log

    @property
    def failed_program(self) -> str | None:
        """The program that the kernel refused, if one was the cause."""
        for line in self.log:
            if match := _FAILED.search(line):
                return match.group(1)
        return None


class _Library:
    """The loaded library with its functions declared, and its log."""

    def __init__(self):
        try:
            self._dll = ctypes.CDLL("libbpf.so.1", use_errno=True)
        except OSError:
            raise SensorError.of(
                "PG304", "libbpf.so.1 is not installed", "Debian: apt-get install libbpf1"
            ) from None
        for function, (result, arguments) in _FUNCTIONS.items():
            pointer = getattr(self._dll, function)
            pointer.restype, pointer.argtypes = result, arguments
            setattr(self, function, pointer)
        self.log: list[str] = []
        libc = ctypes.CDLL(None)

        @_PRINTER
        def note(level, template, arguments):
            if level < _DEBUG:
                text = ctypes.create_string_buffer(1 << 16)
                libc.vsnprintf(text, len(text), template, c_void_p(arguments))
                self.log.append(text.value.decode(errors="replace").rstrip())
            return 0

        self._note = note  # libbpf keeps the pointer: the object must stay
        self.listen(on=False)

    def listen(self, *, on: bool) -> None:
        """Collect what libbpf says from now on, in `log`, or nothing."""
        self.log.clear()
        self.libbpf_set_print(self._note if on else _PRINTER())

    def check_pointer(self, pointer, what: str):
        if not pointer:
            raise LibbpfError(ctypes.get_errno(), what, self.log[:])
        return pointer

    def check(self, result: int, what: str) -> int:
        if result < 0:
            raise LibbpfError(-result, what, self.log[:])
        return result


_library: list[_Library] = []


def library() -> _Library:
    """The library, loaded at the first use. Raises SensorError where it is missing."""
    if not _library:
        _library.append(_Library())
    return _library[0]


@cache
def _kernel_types() -> int:
    """The kernel's BTF, read once."""
    return library().check_pointer(library().btf__load_vmlinux_btf(), "kernel types")


def kernel_has(section: str) -> bool:
    """False where a program's section names a function that this kernel's types have not.

    True does not say that it can be attached there, and of other kinds of program nothing.
    """
    kind, _, name = section.partition("/")
    if kind not in _FUNCTION_PREFIX:
        return True
    name = _FUNCTION_PREFIX[kind] + name
    return library().btf__find_by_name_kind(_kernel_types(), name.encode(), _KIND_FUNC) >= 0


def version() -> str:
    return library().libbpf_version_string().decode().removeprefix("v")


def possible_cpus() -> int:
    """How many CPUs this machine may have: a per-CPU map has a value for each of them."""
    return library().check(library().libbpf_num_possible_cpus(), "number of CPUs")


def skipped_runs(fd: int) -> int:
    """How often the kernel left out a run of a program; 0 where it does not count that.

    It does so, among others, where a BPF map is being changed on the same CPU.
    """
    info = ctypes.create_string_buffer(_MISSES_AT + 8)
    size = c_uint32(len(info))
    result = library().bpf_obj_get_info_by_fd(fd, info, ctypes.byref(size))
    library().check(result, "no information about a program")
    return int.from_bytes(info.raw[_MISSES_AT : size.value], "little")


class Map:
    """A map of an object; its file descriptor is valid once the object is loaded."""

    def __init__(self, pointer: int):
        self._lib, self._pointer = library(), pointer

    @property
    def fd(self) -> int:
        return self._lib.check(self._lib.bpf_map__fd(self._pointer), "map is not loaded")

    @property
    def max_entries(self) -> int:
        return self._lib.bpf_map__max_entries(self._pointer)

    @max_entries.setter
    def max_entries(self, value: int) -> None:
        self._lib.check(self._lib.bpf_map__set_max_entries(self._pointer, value), "map size")

    def set_initial(self, value: bytes) -> None:
        """The contents of a data section, before the load."""
        result = self._lib.bpf_map__set_initial_value(self._pointer, value, len(value))
        self._lib.check(result, "initial value")

    def items(self, key_size: int, value_size: int) -> Iterator[tuple[bytes, bytes]]:
        """The entries of a hash. One that comes or goes meanwhile may be told or not."""
        key, following = None, ctypes.create_string_buffer(key_size)
        value = ctypes.create_string_buffer(value_size)
        while self._lib.bpf_map_get_next_key(self.fd, key, following) == 0:
            key = ctypes.create_string_buffer(following.raw, key_size)
            if self._lib.bpf_map_lookup_elem(self.fd, key, value) == 0:
                yield key.raw, value.raw

    def put(self, key: bytes, value: bytes) -> None:
        """Set an entry of a hash. Raises LibbpfError, as where the map is full."""
        result = self._lib.bpf_map_update_elem(self.fd, key, value, 0)
        self._lib.check(result, "map update")

    def per_cpu(self, key: int, value_size: int) -> list[bytes]:
        """The values of all possible CPUs for a key of a per-CPU array."""
        room = ctypes.create_string_buffer(value_size * possible_cpus())
        result = self._lib.bpf_map_lookup_elem(self.fd, ctypes.byref(c_uint32(key)), room)
        self._lib.check(result, "map lookup")
        return [room.raw[i : i + value_size] for i in range(0, len(room), value_size)]


class Object:
    """A compiled BPF object: open, choose, load, attach. Closing it detaches everything.

    With `explain`, an error knows what libbpf and the verifier said.
    """

    def __init__(self, path: Path, *, explain: bool = False):
        self._lib = library()
        self._lib.listen(on=explain)
        self._links: dict[str, int] = {}  # by name of the program
        opened = self._lib.bpf_object__open_file(os.fsencode(path), None)
        self._pointer = self._lib.check_pointer(opened, f"cannot open {path.name}")

    def programs(self) -> dict[str, str]:
        """The section of each program, by name: how it wants to be attached."""
        found, program = {}, None
        while program := self._lib.bpf_object__next_program(self._pointer, program):
            name = self._lib.bpf_program__name(program).decode()
            found[name] = self._lib.bpf_program__section_name(program).decode()
        return found

    def _program(self, name: str) -> int:
        pointer = self._lib.bpf_object__find_program_by_name(self._pointer, name.encode())
        return self._lib.check_pointer(pointer, f"no program {name}")

    def skip(self, name: str) -> None:
        """Leave a program out of the load."""
        self._lib.bpf_program__set_autoload(self._program(name), False)

    def maps(self) -> Iterator[tuple[str, int]]:
        entry = None
        while entry := self._lib.bpf_object__next_map(self._pointer, entry):
            yield self._lib.bpf_map__name(entry).decode(), entry

    def map(self, name: str) -> Map:
        """A map by name. Data sections are found by the end of their name."""
        for known, entry in self.maps():
            if known == name or (name.startswith(".") and known.endswith(name)):
                return Map(entry)
        raise LibbpfError(2, f"no map {name}", [])

    def share_maps(self, other: "Object") -> None:
        """Use the maps of an object that is loaded, wherever both have one of the same name."""
        theirs = dict(other.maps())
        for name, entry in self.maps():
            if name in theirs and "." not in name:  # data sections are each object's own
                self._lib.check(self._lib.bpf_map__reuse_fd(entry, Map(theirs[name]).fd), name)

    def load(self) -> None:
        """Load maps and programs into the kernel. Raises LibbpfError."""
        self._lib.check(self._lib.bpf_object__load(self._pointer), "load")

    def attach(self, name: str) -> None:
        """Attach a program where its section says. Raises LibbpfError."""
        program = self._program(name)
        if self._lib.bpf_program__section_name(program).startswith(b"cgroup/"):
            link = self._attach_to_cgroups(program)
        else:
            link = self._lib.bpf_program__attach(program)
        self._links[name] = self._lib.check_pointer(link, f"cannot attach {name}")

    def _attach_to_cgroups(self, program: int) -> int:
        """To their root: it is called for all processes. The link keeps what it needs."""
        try:
            root = cgroups.root_fd()
        except OSError as error:
            raise LibbpfError(error.errno, "no root of cgroups", []) from None
        try:
            return self._lib.bpf_program__attach_cgroup(program, root)
        finally:
            os.close(root)

    def program_fd(self, name: str) -> int:
        """The descriptor of a loaded program."""
        return self._lib.bpf_program__fd(self._program(name))

    def read_iterator(self, name: str) -> bytes:
        """All that an iterator program writes, in one pass over the kernel's objects."""
        link = self._lib.bpf_program__attach(self._program(name))
        self._lib.check_pointer(link, f"cannot attach {name}")
        try:
            fd = self._lib.bpf_iter_create(self._lib.bpf_link__fd(link))
            with os.fdopen(self._lib.check(fd, f"cannot run {name}"), "rb", buffering=0) as file:
                return b"".join(iter(lambda: file.read(1 << 16), b""))
        finally:
            self._lib.bpf_link__destroy(link)

    def detach(self, name: str) -> None:
        """Detach one program, if it is attached."""
        if link := self._links.pop(name, None):
            self._lib.bpf_link__destroy(link)

    def detach_all(self) -> None:
        """Detach all programs; the maps stay until the object is closed."""
        for name in list(self._links):
            self.detach(name)

    def close(self) -> None:
        self.detach_all()
        if self._pointer:
            self._lib.bpf_object__close(self._pointer)
            self._pointer = None
