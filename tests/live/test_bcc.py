"""The BCC loader: what it needs, what it says without that, and what it compiles."""

import os
import subprocess
from pathlib import Path

import pytest

from profguard.events import REGISTRY
from profguard.sensor import attach_bcc, bcc, tiers
from profguard.sensor.live import Sensor
from tests.live.harness import PROFGUARD

pytestmark = pytest.mark.live

KERNELS = "5.10", "6.1", "6.12"
ONE_KERNEL = pytest.mark.parametrize("headers", ["6.1"], indirect=True)
DEBIANS = "/usr/lib/python3/dist-packages/bcc"


@pytest.fixture
def headers(request, pytestconfig, monkeypatch):
    """The headers of a Debian kernel stand for those of the running one."""
    script = pytestconfig.rootpath / "scripts" / "kernel-image"
    done = subprocess.run([script, "--headers", request.param], capture_output=True, text=True)
    if done.returncode:
        refuse = pytest.fail if os.environ.get("CI") else pytest.skip
        refuse(f"no headers of Linux {request.param}: {done.stderr.strip()}")
    monkeypatch.setenv("BCC_KERNEL_SOURCE", done.stdout.strip())


@pytest.fixture
def programs():
    return of_tier(tiers.OF_BCC)


def of_tier(tier: str) -> list[tiers.Program]:
    known = attach_bcc.flavours([spec.name for spec in REGISTRY])
    return [program for flavour in known.values() for program in flavour.get(tier, ())]


def run(*words: str, before: str = "", **environment) -> subprocess.CompletedProcess:
    """`profguard run` with a mount namespace of its own, in which `before` was done."""
    script = f'{before}\nexec "$0" run "$@"'
    return subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, PROFGUARD, *words],
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )


def test_without_type_information_this_loader_is_named(kernel):
    """The other one cannot fit its programs to such a kernel, and says what can."""
    done = run(before="mount -t tmpfs tmpfs /sys/kernel/btf")
    assert done.returncode == 4
    sentence, hint = done.stderr.splitlines()
    assert sentence.startswith("this kernel has no type information")
    assert "--loader bcc" in hint
    assert "PG303" in hint


def test_without_headers_it_says_which(kernel):
    """A missing folder is named, with the package that has it."""
    done = run("--loader", "bcc", BCC_KERNEL_SOURCE="/nowhere")
    assert done.returncode == 4
    assert done.stderr.splitlines() == [
        "the headers of the running kernel are missing (/nowhere)",
        f"hint: Debian: apt-get install linux-headers-{os.uname().release}  (PG307)",
    ]


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (f"mount -t tmpfs tmpfs {Path(DEBIANS).parent}", "BCC is not installed"),
        (
            "mount --bind /dev/null $(ldconfig -p | sed -n 's/.*libbcc.so.0 .*=> //p')",
            "BCC cannot be used: ",
        ),
    ],
    ids=["no package", "no library"],
)
def test_without_bcc_it_says_so(kernel, before, said):
    """Each of its parts that is missing is one sentence and the package, no traceback."""
    done = run("--loader", "bcc", before=before)
    assert done.returncode == 4
    sentence, hint = done.stderr.splitlines()
    assert sentence.startswith(said)
    assert hint == "hint: Debian: apt-get install python3-bpfcc  (PG307)"


def test_it_has_one_tier(kernel):
    done = run("--loader", "bcc", "--tier", "lsm")
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == "with --loader bcc there is no tier lsm"


@pytest.mark.parametrize("tier", [tiers.OF_BCC, "tracepoint"])
@pytest.mark.parametrize("headers", KERNELS, indirect=True)
def test_the_kernel_takes_what_it_compiles(kernel, headers, tier, capfd):
    """Every program, from the headers of each kernel, and nothing of it on the screen."""
    compiled, programs = attach_bcc.Compiled(Sensor()._prepare), of_tier(tier)
    compiled.load_maps()
    try:
        module = compiled.compile(tier, programs)
        descriptors = {module.load(program) for program in programs}
    finally:
        compiled.close()
    assert len(descriptors) == len(programs) > 15
    assert capfd.readouterr() == ("", "")


@ONE_KERNEL
def test_what_does_not_compile_is_told_in_one_sentence(kernel, headers, tmp_path, programs):
    """The compiler's first error, as where the headers are those of another kernel."""
    (tmp_path / "wrong.c").write_text("int exec__enter_at(void *ctx) { return no_such_thing; }")
    (program,) = (each for each in programs if each.name == "exec__enter")
    with pytest.raises(bcc.BccError, match=r"^cannot compile: use of undeclared .*no_such_thing"):
        bcc.Module(tmp_path / "wrong.c", [program], {})


@ONE_KERNEL
def test_what_the_verifier_refuses_is_told_in_its_words(kernel, headers, tmp_path, programs):
    (tmp_path / "wrong.c").write_text(
        "static int exec__enter_at(void *ctx) { return *(volatile int *)0; }"
    )
    (program,) = (each for each in programs if each.name == "exec__enter")
    module = bcc.Module(tmp_path / "wrong.c", [program], {})
    try:
        with pytest.raises(bcc.BccError, match=r"^cannot load: .*invalid mem access"):
            module.load(program)
    finally:
        module.close()


@ONE_KERNEL
def test_a_kernel_without_kprobes_says_so(kernel, headers):
    """Nothing is compiled for a kernel that would not take it."""
    hide = "mount -t tmpfs tmpfs"
    done = run(
        *("--loader", "bcc"),
        before=f"{hide} /sys/bus/event_source/devices; {hide} /sys/kernel/tracing",
    )
    assert done.returncode == 4
    sentence, hint = done.stderr.splitlines()
    assert sentence.startswith("this kernel takes no kprobe programs: ")
    assert hint == "hint: BCC cannot do without them: leave out --loader  (PG302)"
