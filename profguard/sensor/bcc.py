"""BCC: compiles C with the headers of the running kernel, and loads it. Only this module knows it.

It is used where the kernel has no type information to fit compiled programs by. What BCC, clang and
the verifier print belongs into the error, not on the screen.
"""

import importlib.machinery
import importlib.util
import os
import platform
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType

from profguard.errors import SensorError
from profguard.sensor.tiers import Program

# Where Debian has modules for its own Python. BCC's is pure Python: it runs in any.
_DEBIANS = "/usr/lib/python3/dist-packages"
_MODULES = Path("/lib/modules")
_SOURCE = "BCC_KERNEL_SOURCE"  # BCC's own variable: where to look for headers instead
_FAILED = re.compile(r"(?:fatal )?error: (.*)")
_UNTOLD = ("bpf: ", "processed ", "HINT: ", "libbpf: ", "Traceback")


class BccError(OSError):
    """BCC could not do something; the text is the last that was said about it."""


def package() -> ModuleType:
    """BCC's Python package. Raises SensorError where it is not installed.

    Debian's is imported alone: what else lies beside it is not for this interpreter.
    """
    if "bcc" in sys.modules:
        return sys.modules["bcc"]
    spec = importlib.machinery.PathFinder.find_spec("bcc", [_DEBIANS])
    if spec is None:
        raise _missing("BCC is not installed", "python3-bpfcc")
    module = importlib.util.module_from_spec(spec)
    sys.modules["bcc"] = module
    try:
        spec.loader.exec_module(module)
    except (ImportError, OSError) as error:
        for name in [name for name in sys.modules if name.partition(".")[0] == "bcc"]:
            del sys.modules[name]
        raise _missing(f"BCC cannot be used: {error}", "python3-bpfcc") from None
    return module


def check_headers() -> None:
    """Raise SensorError where the headers of the running kernel are missing."""
    release = platform.release()
    folder = Path(os.environ.get(_SOURCE) or _MODULES / release / "build")
    if folder.is_dir() or Path("/sys/kernel/kheaders.tar.xz").exists():
        return
    raise _missing(
        f"the headers of the running kernel are missing ({folder})", f"linux-headers-{release}"
    )


def _missing(what: str, packages: str) -> SensorError:
    return SensorError.of("PG307", what, f"Debian: apt-get install {packages}")


class Module:
    """Programs that are compiled together, from one file and with the maps that there are.

    The file has a function NAME_at for each program; BCC is given one NAME that calls it: it makes
    a program of every function in its own text, and of none in what that includes.
    """

    def __init__(self, source: Path, programs: list[Program], maps: Mapping[str, int]):
        bcc = package()
        check_headers()
        self._attached: dict[Program, None] = {}
        text = f'#include "{source}"\n' + "".join(
            f"int {each.name}(void *ctx) {{ return {each.name}_at(ctx); }}\n" for each in programs
        )
        flags = ["-DPG_BCC", *(f"-DPG_FD_{name}={fd}" for name, fd in maps.items())]
        with _said("cannot compile"):
            self._bpf = bcc.BPF(text=text.encode(), cflags=flags)

    def load(self, program: Program) -> int:
        """Have the kernel verify it; gives its descriptor. Raises BccError."""
        bpf = self._bpf
        type_ = bpf.TRACEPOINT if program.kind == "tracepoint" else bpf.KPROBE
        with _said("cannot load"):
            return bpf.load_func(program.name.encode(), type_).fd

    def attach(self, program: Program) -> None:
        """Attach a program where its section says. Raises BccError."""
        with _said("cannot attach"):
            if program.kind == "tracepoint":
                self._bpf.attach_tracepoint(_tracepoint(program), fn_name=program.name.encode())
            elif program.kind == "kretprobe":
                self._bpf.attach_kretprobe(**_place(program))
            else:
                self._bpf.attach_kprobe(**_place(program))
        self._attached[program] = None

    def detach(self, program: Program) -> None:
        """Detach one program, if it is attached."""
        if program not in self._attached:
            return
        del self._attached[program]
        # It closes a descriptor, which is all, and then looks into tracefs for what only kernels
        # before 4.17 have there.
        with suppress(BccError), _said("cannot detach"):
            if program.kind == "tracepoint":
                self._bpf.detach_tracepoint(_tracepoint(program))
            elif program.kind == "kretprobe":
                self._bpf.detach_kretprobe(**_place(program))
            else:
                self._bpf.detach_kprobe(**_place(program))

    def detach_all(self) -> None:
        for program in list(self._attached):
            self.detach(program)

    def close(self) -> None:
        self.detach_all()
        self._bpf.cleanup()


def _place(program: Program) -> dict[str, bytes]:
    return {"event": program.function.encode(), "fn_name": program.name.encode()}


def _tracepoint(program: Program) -> bytes:
    return program.function.replace("/", ":").encode()


@contextmanager
def _said(what: str) -> Iterator[None]:
    """Keep what the library prints, and raise its failure as BccError with the last of that.

    What other threads print meanwhile would be lost: the sensor is opened while they wait for it.
    """
    with tempfile.TemporaryFile() as said:
        shown = {number: os.dup(number) for number in (1, 2)}
        try:
            for number in shown:
                os.dup2(said.fileno(), number)
            yield
        except Exception as error:  # noqa: BLE001 - BCC raises nothing more exact
            said.seek(0)
            text = said.read().decode(errors="replace")
            raise BccError(f"{what}: {_reason(text) or error}") from None
        finally:
            for number, kept in shown.items():
                os.dup2(kept, number)
                os.close(kept)


def _reason(text: str) -> str:
    """The compiler's first error, or the last words of the verifier."""
    if found := _FAILED.search(text):
        return found.group(1)
    lines = [line.strip() for line in text.splitlines()]
    telling = (line for line in reversed(lines) if line and not line.startswith(_UNTOLD))
    return next(telling, "")[:200]
