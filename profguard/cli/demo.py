"""`profguard demo`: the whole way of one act, from the kernel to a signed webhook, by itself."""

import os
import platform
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from base64 import b64encode
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from queue import Empty, Queue

import click

from profguard.cli.output import say
from profguard.errors import ProfguardError, SensorError

_WAIT_S = 20

_CONFIG = """\
[labels]
production = {{"executable|endswith" = "/demo-server"}}

[[alerts]]
name = "demo"
sink = "webhook"
url = "http://127.0.0.1:{port}/hook"
secret_env = "DEMO_WEBHOOK_SECRET"
"""

_PERF_EVENT_OPEN = {"x86_64": 298}  # elsewhere 241 (asm-generic/unistd.h)

_SQL = """\
SELECT rule_title, level, actor_executable, target_pid, mechanism, round(duration_ns / 1e9, 1) AS s
FROM findings"""

# A profiler for machines without perf: one event of the software clock at the target, on for a bit.
_PROFILER = """
import ctypes, struct, sys, time
SOFTWARE, CPU_CLOCK, SAMPLE_IP = 1, 0, 1
attr = struct.pack("=IIQQQQQ", SOFTWARE, 112, CPU_CLOCK, 1_000_000, SAMPLE_IP, 0, 0)
number, pid = map(int, sys.argv[1:])
if ctypes.CDLL(None).syscall(number, attr.ljust(112, b"\\0"), pid, -1, -1, 0) < 0:
    sys.exit("perf_event_open failed")
time.sleep(1)
"""


@click.command()
def demo() -> None:
    """See the whole way in a minute: sensor, target, an act of profiling, finding, alert.

    Everything happens in a temporary folder and on the loopback address, and is gone afterwards.

    \b
    Example:
      profguard demo
    """
    with tempfile.TemporaryDirectory(prefix="profguard-demo-") as folder:
        _play(Path(folder))


def _play(folder: Path) -> None:
    secret = "whsec_" + b64encode(secrets.token_bytes(24)).decode()
    receiver = _Receiver(secret)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    (folder / "profguard.toml").write_text(_CONFIG.format(port=receiver.server_port))
    say("1. A sensor with the shipped rules, and a configuration that says what is production:\n")
    say(_indented((folder / "profguard.toml").read_text()))
    sensor = _start_sensor(folder, secret)
    target = None
    try:
        target = _start_target(folder)
        say(f"2. Something in production runs: demo-server, pid {target.pid}.")
        command, shown = _profiler(target.pid)
        say(f"3. Somebody profiles it: {shown}\n")
        quiet = subprocess.DEVNULL
        subprocess.run(command, stdout=quiet, stderr=quiet, check=True)  # noqa: S603 - our own
        alert = receiver.wait()
        time.sleep(0.3)  # the end of the act is told after it
        say("\n4. The same as a row:\n")
        say(_indented(_row(folder / "demo.db")))
        say("5. And as a webhook, whose signature the receiver has verified:\n")
        say(_indented(f"{alert['rule']['level']}: {alert['finding']['message']}"))
    finally:
        if target:
            target.kill()
            target.wait()
        sensor.terminate()
        sensor.wait(_WAIT_S)
        receiver.shutdown()
    say("Nothing was left behind.")


def _start_sensor(folder: Path, secret: str) -> subprocess.Popen:
    """A sensor of its own process; its findings go to this terminal."""
    sensor = subprocess.Popen(  # noqa: S603 - our own words
        [
            *(sys.executable, "-m", "profguard", "run"),
            *("--config", str(folder / "profguard.toml"), "--db", str(folder / "demo.db")),
        ],
        env=os.environ | {"DEMO_WEBHOOK_SECRET": secret, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    armed = threading.Event()
    threading.Thread(target=_relay, args=(sensor, armed), daemon=True).start()
    deadline = time.monotonic() + _WAIT_S
    while not armed.wait(0.05):
        if sensor.poll() is not None:
            raise SensorError.of("PG306", "the sensor cannot run here", "see 'profguard doctor'")
        if time.monotonic() > deadline:
            sensor.kill()
            raise SensorError.of("PG306", f"the sensor was not armed within {_WAIT_S} s")
    return sensor


def _relay(sensor: subprocess.Popen, armed: threading.Event) -> None:
    for line in sensor.stdout:
        say(f"   | {line.rstrip()}" if line.strip() else "")
        if line.startswith("Watching"):
            armed.set()


def _start_target(folder: Path) -> subprocess.Popen:
    path = folder / "demo-server"
    shutil.copy(shutil.which("sleep"), path)
    return subprocess.Popen([path, "60"])  # noqa: S603 - a copy of sleep


def _profiler(pid: int) -> tuple[list[str], str]:
    """A command that profiles `pid` for a second, and how it is shown."""
    if shutil.which("perf"):
        command = ["perf", "record", "-o", "/dev/null", "-p", str(pid), "--", "sleep", "1"]
        return command, " ".join(command)
    number = _PERF_EVENT_OPEN.get(platform.machine(), 241)
    return [sys.executable, "-c", _PROFILER, str(number), str(pid)], "perf_event_open(2)"


def _row(path: Path) -> str:
    command = [sys.executable, "-m", "sqlite_utils", "query", str(path), _SQL, "--fmt", "simple"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - ours
    return f'$ sqlite-utils query demo.db "{_SQL}" --fmt simple\n{done.stdout}'


def _indented(text: str) -> str:
    return "".join(f"   {line}\n" for line in text.rstrip().splitlines())


class _Receiver(HTTPServer):
    """Takes webhooks as a user's receiver would, and keeps those whose signature is right."""

    def __init__(self, secret: str):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.secret, self.alerts = secret, Queue()

    def wait(self) -> dict:
        try:
            return self.alerts.get(timeout=_WAIT_S)
        except Empty:
            raise ProfguardError.of("PG602", "no alert arrived", "see the lines above") from None


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        from standardwebhooks.webhooks import Webhook, WebhookVerificationError

        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            self.server.alerts.put(Webhook(self.server.secret).verify(body, dict(self.headers)))
            self.send_response(204)
        except WebhookVerificationError:
            self.send_response(400)
        self.end_headers()

    def log_message(self, *_):
        """Quiet: the terminal is the demo's."""
