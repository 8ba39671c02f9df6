import base64
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from standardwebhooks import Webhook

from profguard.alerts.delivery import Delivery
from profguard.alerts.destinations import destinations
from profguard.alerts.outbox import plan
from profguard.config.spec import Alert
from profguard.findings.store import Store
from profguard.findings.writer import Writer

SECRET = "whsec_" + base64.b64encode(b"a secret of thirty two bytes ...").decode()


@dataclass
class Receiver:
    """A local HTTP server that verifies what arrives. `replies` are used up, then all is 200.

    A reply is a status, or a tuple of status, headers and body, or a function to call before a 200,
    or None to break the connection off.
    """

    replies: list = field(default_factory=list)
    received: list = field(default_factory=list)  # (webhook-id, body) of accepted messages
    attempts: list = field(default_factory=list)  # (webhook-id, time) of all
    url: str = ""

    def ids(self):
        return [webhook_id for webhook_id, _ in self.received]

    def wait_for(self, count, timeout_s=5.0):
        deadline = time.monotonic() + timeout_s
        while len(self.received) < count:
            assert time.monotonic() < deadline, f"{len(self.received)} of {count} arrived"
            time.sleep(0.005)


def _handler(receiver: Receiver):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = dict(self.headers.items())
            payload = Webhook(SECRET).verify(body, headers)
            webhook_id = self.headers["webhook-id"]
            receiver.attempts.append((webhook_id, time.monotonic()))
            reply = receiver.replies.pop(0) if receiver.replies else 200
            if reply is None:
                self.close_connection = True
                return
            if callable(reply):
                reply = reply() or 200
            status, more, text = reply if isinstance(reply, tuple) else (reply, {}, b"")
            if 200 <= status < 300:
                receiver.received.append((webhook_id, payload))
            self.send_response(status)
            for name, value in more.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_):
            pass

    return Handler


@contextmanager
def receiving(*replies):
    receiver = Receiver(list(replies))
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(receiver))
    server.daemon_threads = True
    receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(name="receiving")
def receiving_fixture():
    return receiving


@pytest.fixture
def secret_file(tmp_path):
    path = tmp_path / "webhook.key"
    path.write_text(SECRET + "\n")
    return str(path)


@pytest.fixture
def webhook(secret_file):
    """Make the [[alerts]] table of a signed webhook."""

    def make(url, name="oncall", **options):
        fields = {"sink": "webhook", "secret_file": secret_file, "timeout_s": 2.0} | options
        return Alert(name=name, url=url, **fields)

    return make


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "profguard.db")


@pytest.fixture
def alerting(store, change, monkeypatch):
    """Start writer and delivery for some [[alerts]] tables; gives a function that adds findings."""

    monkeypatch.setattr("profguard.alerts.delivery.POLL_S", 0.05)

    @contextmanager
    def start(*alerts, deliver=True, store=store, **options):
        made = destinations(alerts)
        options = {"delay_s": lambda _: 0.02} | options
        delivery = Delivery(store, made, **options)
        writer = Writer(store, partial(plan, destinations=made), on_commit=delivery.wake)
        if deliver:
            delivery.start()

        def add(*findings):
            writer.submit([change("opened", finding) for finding in findings])
            assert writer.flush()

        add.delivery = delivery
        try:
            yield add
        finally:
            writer.close()
            delivery.stop()

    return start
