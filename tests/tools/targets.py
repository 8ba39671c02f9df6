"""What tools are pointed at: real programs in five languages, built here, labelled production."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.live.harness import PRODUCTION, needs

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(__file__).with_name("programs")
C, C_GPROF, GO, JAVA, NODE = "C", "C, gcc -pg", "Go", "Java", "Node"
PYTHON, PYTHON_3_14 = "Python", "Python 3.14"
NEWER = "3.14"  # has what the test's own Python may not have yet
NEWER_BIN = ROOT / ".cache" / "python" / NEWER / "usr" / "bin"
INTERPRETERS = {
    JAVA: ("java",),
    NODE: ("node",),
    PYTHON: (sys.executable,),
    PYTHON_3_14: (str(NEWER_BIN / f"python{NEWER}"),),
}
SCRIPTS = {NODE: "server.js", PYTHON: "server.py", PYTHON_3_14: "server.py"}
LABELS = """\
[labels]
production = [{"executable|endswith" = "/prod-server"}, {"environ.ROLE" = "production"}]
"""


class Targets:
    """Builds each program when it is first asked for, in a folder of its own."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._programs: dict[str, tuple[str, ...]] = {}

    def program(self, language: str) -> tuple[str, ...]:
        """The words that follow its interpreter, where it has one. It takes seconds to run for."""
        if language not in self._programs:
            self._programs[language] = self._build(language)
        return self._programs[language]

    @contextmanager
    def running(self, language: str) -> Iterator[tuple[int, str]]:
        """One that is up: its pid, and the port it serves, where it does."""
        program = self.program(language)
        interpreter = map(needs, INTERPRETERS.get(language, ()))
        process = subprocess.Popen(
            [*interpreter, *program],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | PRODUCTION,
            text=True,
        )
        try:
            up, _, port = process.stdout.readline().strip().partition(" ")
            assert up == "up", f"the {language} program does not start"
            yield process.pid, port
        finally:
            process.kill()
            process.wait()
            process.stdout.close()

    def _build(self, language: str) -> tuple[str, ...]:
        if language == PYTHON_3_14:
            subprocess.run([ROOT / "scripts" / "python-image", NEWER], check=True)
        if language in SCRIPTS:
            return (str(PROGRAMS / SCRIPTS[language]),)
        folder = self._folder / language.replace(" ", "_")
        folder.mkdir()
        program = folder / "prod-server"
        if language == JAVA:
            _compile("javac", "-d", folder, PROGRAMS / "Server.java")
            return ("-cp", str(folder), "Server")
        if language == GO:
            _compile("go", "build", "-o", program, PROGRAMS / "server.go")
        else:
            options = ["-pg"] if language == C_GPROF else []
            _compile("gcc", "-O1", "-g", *options, "-o", program, PROGRAMS / "server.c")
        return (str(program),)


def _compile(compiler: str, *words: object) -> None:
    subprocess.run([needs(compiler), *map(str, words)], check=True)
