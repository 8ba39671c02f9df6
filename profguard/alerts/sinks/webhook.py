"""Alerts by HTTP POST, signed as Standard Webhooks says, so that receivers can verify them.

Only 2xx is success. 410 Gone is final: the receiver wants no more of it. 429 and 503 may say with
Retry-After when to come again. Redirects are not followed: a signed message goes where the
configuration says and nowhere else.
"""

import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx2
from standardwebhooks import Webhook as Signer

from profguard import __version__
from profguard.alerts.secrets import read_secret
from profguard.alerts.sinks import Answer, Locate, Message
from profguard.config.spec import Alert
from profguard.errors import ConfigError, printable

OPTIONS = ("url", "secret_file", "secret_env")
REQUIRED = ("url",)
_READ_BYTES = 65_536  # of a body at most
_SHOWN_BYTES = 200  # of a refusal's body


def open_sink(alert: Alert, locate: Locate) -> "Webhook":
    parts = urlsplit(alert.url)
    try:
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:
        port_is_valid = False
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_valid:
        raise ConfigError.of("PG602", "the url is none", "https://host/path is one", locate("url"))
    return Webhook(alert.url, read_secret(alert, locate), alert.timeout_s)


class Webhook:
    """Posts to one URL over one kept connection; without a secret it does not sign."""

    def __init__(self, url: str, secret: bytes | None, timeout_s: float):
        self._url = url
        self._timeout_s = timeout_s
        self._signer = Signer(secret) if secret else None
        self._client = httpx2.Client(
            timeout=timeout_s,
            follow_redirects=False,
            headers={
                "user-agent": f"profguard/{__version__}",
                "content-type": "application/json",
                "accept-encoding": "identity",
            },
        )

    def send(self, message: Message) -> Answer:
        headers = self._headers(message)
        content = message.payload.encode()
        deadline = time.monotonic() + self._timeout_s
        try:
            with self._client.stream("POST", self._url, content=content, headers=headers) as reply:
                return _answer(reply, deadline)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            reason = printable(str(error)) or "no reason given"
            return Answer(delivered=False, detail=f"{type(error).__name__}: {reason}")

    def _headers(self, message: Message) -> dict[str, str]:
        now = datetime.now(UTC)
        headers = {
            "webhook-id": message.id,
            "webhook-timestamp": str(int(now.timestamp())),
        }
        if self._signer:
            headers["webhook-signature"] = self._signer.sign(message.id, now, message.payload)
        return headers

    def close(self) -> None:
        self._client.close()


def _answer(reply: httpx2.Response, deadline: float) -> Answer:
    status = printable(f"{reply.status_code} {reply.reason_phrase}".strip())
    body = _body(reply, deadline)  # read to its end, so that the connection can be used again
    if reply.is_success:
        return Answer(delivered=True, detail=status)
    if reply.is_redirect:
        return Answer(delivered=False, detail=f"{status}: redirects are not followed")
    text = printable(body[:_SHOWN_BYTES].decode(errors="replace").strip())
    return Answer(
        delivered=False,
        detail=f"{status}: {text}" if text else status,
        final=reply.status_code == httpx2.codes.GONE,
        retry_after_s=_retry_after_s(reply),
    )


def _body(reply: httpx2.Response, deadline: float) -> bytes:
    """The beginning of the body: a receiver may send much, slowly, or break off."""
    body = b""
    try:
        for chunk in reply.iter_raw():
            body += chunk
            if len(body) > _READ_BYTES or time.monotonic() > deadline:
                break
    except httpx2.HTTPError:
        pass  # the status has been said, and it decides
    return body


def _retry_after_s(reply: httpx2.Response) -> float | None:
    """Seconds from now, given as such or as an HTTP date; None where it is neither."""
    value = reply.headers.get("retry-after", "").strip()
    if reply.status_code not in (429, 503) or not value:
        return None
    if value.isascii() and value.isdecimal():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None
