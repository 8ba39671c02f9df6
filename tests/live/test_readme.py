"""The README, executed from top to bottom: its files are written, its commands run, all of them.

It happens in one shell, whose checkout, /srv and /var/lib are its own: what is written there is
gone with it. A command with `$` shows exactly what the README shows. With `#` it shows the live
kernel, and pids, ids, times and counts differ. A line `...` stands for any lines; a command without
any output in the README need only succeed.
"""

import os
import re
import shlex
import signal
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.live.harness import PROFGUARD, wait_for

pytestmark = pytest.mark.live

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
MULTI = re.MULTILINE
BLOCK = re.compile(r"(?:^`([^`\n]+)`:\n\n)?^```(\w*)\n(.*?)^```$", MULTI | re.DOTALL)
COMMAND = re.compile(r"^([$#]) (.+)\n((?:(?![$#] ).*\n)*)", MULTI)
EXIT = re.compile(r"^\[exit (\d+)\]\n", MULTI)

# Commands that run in another form here, and why.
REDUCED = {
    "make run": (
        "timeout -s INT 3 make run | tee /dev/stderr | grep '^Watching'",
        "it runs until Ctrl-C, which comes when it is armed",
    ),
    "make test": ("make --dry-run test", "it would run itself"),
    "pip install .": (
        "pip install --quiet --no-build-isolation .",
        "what builds it is not fetched again",
    ),
}

ELIDED, ANY_LINES = r"^\.\.\.$", r"(?:.*\n)*.*"
# What differs from run to run: found in the README, and matched in the output, by the same pattern.
VARIES = (
    r"\b[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b",  # an id
    r"\b\d\d:\d\d:\d\d\b",
    r"(?<=\(pid )\d+",
    r"(?<=\[)\d+(?=\])",  # a pid
    r"(?<=after )[\d.]+ m?s\b",
    r"\b\d+(?= (?:rules|events|of|probes)\b)",
    r"(?<=of )\d+(?= probes)",
    r"(?<=^profguard )[\d.]+",
    r"(?<=on Linux )\S+ \(\w+\)",
)

SANDBOX = """
mount -t tmpfs none /srv
mkdir /srv/.upper /srv/.work
mount -t overlay -o lowerdir="$PWD",upperdir=/srv/.upper,workdir=/srv/.work none "$PWD"
mount -t tmpfs none /var/lib
cd "$PWD"
exec bash --noprofile --norc
"""


@dataclass(frozen=True)
class File:
    name: str
    content: str


@dataclass(frozen=True)
class Command:
    prompt: str
    line: str
    output: str

    def is_met_by(self, said: str) -> bool:
        """Whether `said` is what the README shows; empty lines around it do not count."""
        varies = [ELIDED, *VARIES] if self.prompt == "#" else [ELIDED]
        pattern, end = "", 0
        for found in re.finditer("|".join(f"({each})" for each in varies), self.output, MULTI):
            pattern += re.escape(self.output[end : found.start()])
            pattern += ANY_LINES if found[0] == "..." else varies[found.lastindex - 1]
            end = found.end()
        pattern += re.escape(self.output[end:])
        return bool(re.fullmatch(pattern, said.strip("\n"), MULTI))


def steps() -> Iterator[File | Command]:
    """The files and commands of the README, in its order."""
    for name, language, content in BLOCK.findall(README):
        if language == "console":
            for prompt, line, output in COMMAND.findall(content):
                yield Command(prompt, re.sub(r"\s{2,}# .*", "", line), output.strip("\n"))
        else:
            yield File(name, content)


STEPS = list(steps())
MENTIONS = sorted(set(re.findall(r"`(profguard\s[^`]+)`", BLOCK.sub("", README))))


class Shell:
    """A root shell in a copy of the checkout, and all that it and its background jobs say."""

    def __init__(self):
        scripts = str(Path(PROFGUARD).parent)
        self.process = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "bash", "-ec", SANDBOX],
            cwd=ROOT,
            env=os.environ | {"PATH": f"{scripts}:{os.environ['PATH']}", "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._said = b""
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        while piece := os.read(self.process.stdout.fileno(), 65536):
            self._said += piece

    def run(self, line: str) -> int | None:
        """Run a command line to its end, a background job to its start; returns the exit code."""
        self._said = b""
        order = f'eval {shlex.quote(line)} </dev/null; echo "[exit $?]"\n'
        self.process.stdin.write(order.encode())
        self.process.stdin.flush()
        ended = wait_for(lambda: EXIT.search(self._said.decode(errors="replace")), 30)
        return ended and int(ended[1])

    @property
    def said(self) -> str:
        """What was said since the command began."""
        return EXIT.sub("", self._said.decode(errors="replace"))

    def close(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def shell(kernel):
    opened = Shell()
    yield opened
    opened.close()


def write(shell: Shell, file: File) -> None:
    folder, name = (shlex.quote(part) for part in (os.path.dirname(file.name) or ".", file.name))
    line = f"mkdir -p {folder} && printf %s {shlex.quote(file.content)} > {name}"
    assert shell.run(line) == 0, shell.said


def execute(shell: Shell, command: Command) -> None:
    line, _why = REDUCED.get(command.line, (command.line, None))
    code = shell.run(line)
    as_shown = not command.output or wait_for(lambda: command.is_met_by(shell.said), 5)
    assert (code, as_shown) == (0, True), f"{line}\n{shell.said}"


def test_every_file_and_command_of_the_readme(shell):
    """In the end there are a configuration and a receiver: an alert of a finding reaches it."""
    for step in STEPS:
        (write if isinstance(step, File) else execute)(shell, step)
    shell.run(
        "profguard run --config shop.toml > run & until grep Watching run; do sleep 0.1; done"
    )
    shell.run("ROLE=production perf stat sleep 0.2")
    verified = "verified: /usr/bin/perf (pid "
    assert wait_for(lambda: verified in shell.said, 5), shell.said


def test_no_block_of_the_readme_is_left_out():
    """Each is a file with a name, or commands from its first line on."""
    blocks = BLOCK.findall(README)
    assert len(blocks) * 2 == len(re.findall(r"^\s*```", README, MULTI))
    for name, language, content in blocks:
        assert bool(name) != (language == "console"), content
        assert name or re.match("[$#] ", content), content


@pytest.mark.parametrize("mention", MENTIONS)
def test_a_command_in_the_text_exists(mention):
    """With its options; what it does is not tried."""
    command = [PROFGUARD, *mention.split()[1:], "--help"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_what_the_readme_points_to_exists():
    links = re.findall(r"\]\((?!https:)([^)]+)\)", README)
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_what_is_reduced_is_in_the_readme():
    assert REDUCED.keys() <= {step.line for step in STEPS if isinstance(step, Command)}
