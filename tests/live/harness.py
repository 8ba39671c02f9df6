"""The sensor as its users run it: a process of its own, a real receiver, and the real tools."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from standardwebhooks.webhooks import Webhook

PROFGUARD = str(Path(sys.executable).with_name("profguard"))
SECRET = "whsec_" + "cHJvZmd1YXJkLXRlc3Qtc2VjcmV0LTMyYnl0ZXM="
OPTIONS = os.environ.get("PROFGUARD_TEST_OPTIONS", "").split()  # of every `profguard run`
FUNCTIONS = ("fentry", "kprobe")  # the tiers that hook functions, which all ways lead to
PATIENCE = float(os.environ.get("PROFGUARD_TEST_PATIENCE", "1"))  # more, on a slow machine
PRODUCTION = {"ROLE": "production"}

CONFIG = """
[labels]
production = [{{"executable|endswith" = "/prod-server"}}, {{"environ.ROLE" = "production"}}]

[[alerts]]
name = "receiver"
sink = "webhook"
url = "http://127.0.0.1:{port}/hook"
secret_env = "WEBHOOK_SECRET"
min_level = "low"
"""


class Receiver(ThreadingHTTPServer):
    """Takes webhooks, verifies their signature as any receiver would, and notes when they came."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.alerts: list[tuple[float, dict]] = []
        self.refused: list[str] = []

    def about(self, finding_id: str) -> list[tuple[float, dict]]:
        return [item for item in self.alerts if item[1]["finding"]["id"] == finding_id]


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            Webhook(SECRET).verify(body, dict(self.headers.items()))
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shall show it
            self.server.refused.append(repr(error))
        else:
            self.server.alerts.append((time.time(), json.loads(body)))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


class LiveSensor:
    """A running `profguard run --json --events`, what it printed, and its database."""

    def __init__(self, folder: Path, *options: str, config: str | None = None, events=True):
        self.db = folder / "profguard.db"
        command = [PROFGUARD, "run", "--json", "--db", str(self.db), *OPTIONS, *options]
        command += ["--events"] if events else []
        if config:
            (folder / "profguard.toml").write_text(config)
            command += ["--config", str(folder / "profguard.toml")]
        self.stderr = (folder / "stderr").open("w+")
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=self.stderr,
            env=os.environ | {"WEBHOOK_SECRET": SECRET},
        )
        self.lines: list[dict] = []
        self.came_s: list[float] = []  # when each of them came
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        wait_for(lambda: self._is_armed() or self.process.poll() is not None, 60)
        assert self._is_armed(), self.errors()

    def _is_armed(self) -> bool:
        return any(line.get("state") == "armed" for line in list(self.lines))

    def _read(self):
        for line in self.process.stdout:
            self.came_s.append(time.time())
            self.lines.append(json.loads(line))

    def errors(self) -> str:
        self.stderr.seek(0)
        return self.stderr.read()

    def events(self, name: str, **arguments) -> list[dict]:
        """The events with that name and those arguments so far."""
        return [
            line
            for line in list(self.lines)
            if line["type"] == "event"
            and line["event"]["name"] == name
            and all(line[name].get(key) == value for key, value in arguments.items())
        ]

    def events_of(self, pid: int, name: str, **arguments) -> list[dict]:
        """Those of one process."""
        return [
            event
            for event in self.events(name, **arguments)
            if event.get("process", {}).get("pid") == pid
        ]

    def findings(self) -> list[dict]:
        """The rows of the database, oldest first."""
        return self.rows("SELECT * FROM findings ORDER BY rowid")

    def rows(self, sql: str) -> list[dict]:
        connection = sqlite3.connect(f"file:{self.db}?mode=ro", uri=True)
        connection.row_factory = sqlite3.Row
        try:
            return [dict(row) for row in connection.execute(sql)]
        finally:
            connection.close()

    def stop(self) -> int:
        self.process.terminate()
        code = self.process.wait(20 * PATIENCE)
        self._reader.join(5)
        return code


def wait_for(check, timeout_s: float = 10.0, every_s: float = 0.02):
    """What `check()` gives as soon as it is true, or its last answer."""
    deadline = time.monotonic() + timeout_s * PATIENCE
    while not (answer := check()) and time.monotonic() < deadline:
        time.sleep(every_s)
    return answer


def needs(tool: str) -> str:
    """The path of a tool; `make test` installs all of them."""
    path = shutil.which(tool) or shutil.which(tool, path=str(Path(sys.executable).parent))
    assert path, f"{tool} is not installed"
    return path
