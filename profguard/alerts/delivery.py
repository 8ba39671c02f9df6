"""Delivery: one thread a destination, so that a slow one delays no other.

At least once: an alert is marked delivered after the destination accepted it, so that a crash in
between sends it again, with the same id. What an earlier run left pending is sent too.

An attempt that failed is followed by another after a random part of 1 s, 3 s, 9 s, ... at most
15 min (full jitter), or after the time the destination asked for, at most 1 h. With the 12 attempts
that are the default, an alert is given up after about 40 minutes. It is then dead, stays in the
outbox, and can be sent again by hand.
"""

import random
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from functools import partial
from threading import Event, Thread

from profguard.alerts.destinations import Destination, close_all
from profguard.alerts.lock import DeliveryLock
from profguard.alerts.sinks import Answer, Message
from profguard.errors import StoreError
from profguard.findings.outbox import Outbox, Queued
from profguard.findings.store import Store

RETRY_FIRST_S, RETRY_FACTOR, RETRY_MOST_S = 1.0, 3, 900.0
ASKED_MOST_S = 3600.0
POLL_S = 1.0  # how soon what another process wrote (a retry by hand) is seen
_LOOK_S = 0.01

OnAttempt = Callable[[str, Queued, Answer], None]


def retry_delay_s(attempts: int) -> float:
    """How long to wait after the given number of failed attempts."""
    longest = min(RETRY_MOST_S, RETRY_FIRST_S * RETRY_FACTOR ** min(attempts - 1, 20))
    return random.uniform(0, longest)  # noqa: S311  no secret


class Delivery:
    """Delivers what is in the outbox of `store`, from `start` to `stop`.

    `on_attempt(destination name, alert, answer)` is called after each attempt, `on_trouble(text)`
    when the outbox cannot be used; both in a delivering thread.
    """

    def __init__(
        self,
        store: Store,
        destinations: Iterable[Destination],
        *,
        on_attempt: OnAttempt | None = None,
        on_trouble: Callable[[str], None] | None = None,
        delay_s: Callable[[int], float] = retry_delay_s,
    ):
        self._store = store
        self._destinations = list(destinations)
        self._lock = DeliveryLock(store.path)
        make = partial(_Lane, store, self._lock, on_attempt, on_trouble, delay_s)
        self._lanes = [make(destination) for destination in self._destinations]

    def start(self) -> None:
        for lane in self._lanes:
            lane.thread.start()

    def wake(self) -> None:
        """Say that alerts were committed: they are sent at once."""
        for lane in self._lanes:
            lane.wake.set()

    def drain(self, timeout_s: float) -> bool:
        """Wait until nothing is pending; False where something still is after the time."""
        self.wake()
        deadline = time.monotonic() + timeout_s
        with closing(Outbox(self._store)) as outbox:
            while any(outbox.pending(destination.name) for destination in self._destinations):
                if time.monotonic() >= deadline:
                    return False
                time.sleep(_LOOK_S)
        return True

    def stop(self, timeout_s: float = 5.0) -> None:
        """End after the attempts under way; those that take longer are made again another time."""
        for lane in self._lanes:
            lane.stopping.set()
            lane.wake.set()
        deadline = time.monotonic() + timeout_s
        for lane in self._lanes:
            if lane.thread.ident is not None:
                lane.thread.join(max(0, deadline - time.monotonic()))
        close_all(self._destinations)
        self._lock.release()


class _Lane:
    """The line of one destination, and the thread that works it off."""

    def __init__(self, store, lock, on_attempt, on_trouble, delay_s, destination: Destination):
        self._store = store
        self._lock = lock
        self._on_attempt = on_attempt or (lambda *_: None)
        self._on_trouble = on_trouble or (lambda _: None)
        self._delay_s = delay_s
        self._destination = destination
        self._outbox: Outbox | None = None
        self._unmarked: Callable[[Outbox], None] | None = None
        self.wake = Event()
        self.stopping = Event()
        self._trouble: str | None = None
        self.thread = Thread(target=self._run, name=f"profguard-{destination.name}", daemon=True)

    def _run(self) -> None:
        while not self.stopping.is_set():
            self.wake.clear()
            try:
                wait_s = self._step()
                self._trouble = None
            except (StoreError, OSError) as error:
                self._report(f"alerts to {self._destination.name} wait: {error}")
                self._disconnect()
                wait_s = POLL_S
            if wait_s:
                self.wake.wait(wait_s)
        self._disconnect()

    def _step(self) -> float:
        """Try the head of the line if it is due; returns how long to wait for the next step."""
        if not self._lock.acquire():
            return POLL_S
        if self._outbox is not None and self._outbox.is_stale:
            self._disconnect()
        self._outbox = self._outbox or Outbox(self._store)
        self._settle(self._outbox)
        alert = self._outbox.head(self._destination.name)
        if alert is None:
            return POLL_S
        wait_s = (alert.next_attempt_ns - time.time_ns()) / 1e9
        if 0 < wait_s <= ASKED_MOST_S:  # longer only where the clock was set back
            return min(wait_s, POLL_S)
        answer = self._attempt(alert)
        self._unmarked = self._mark(alert, answer)
        self._settle(self._outbox)
        self._on_attempt(self._destination.name, alert, answer)
        return 0

    def _settle(self, outbox: Outbox) -> None:
        """Mark what was tried; where that fails it is kept, so that nothing is sent again."""
        if self._unmarked is not None:
            self._unmarked(outbox)
            self._unmarked = None

    def _attempt(self, alert: Queued) -> Answer:
        try:
            return self._destination.sink.send(Message(alert.webhook_id, alert.payload))
        except Exception as error:  # noqa: BLE001  a sink's fault is one more failed attempt
            return Answer(delivered=False, detail=f"{type(error).__name__} in the sink: {error}")

    def _mark(self, alert: Queued, answer: Answer) -> Callable[[Outbox], None]:
        if answer.delivered:
            return lambda outbox: outbox.mark_delivered(alert.id, time.time_ns())
        attempts = alert.attempts + 1
        if answer.final or attempts >= self._destination.max_attempts:
            return lambda outbox: outbox.mark_dead(alert.id, answer.detail)
        delay_s = self._delay_s(attempts)
        if answer.retry_after_s is not None:
            delay_s = max(delay_s, min(answer.retry_after_s, ASKED_MOST_S))
        next_ns = time.time_ns() + int(delay_s * 1e9)
        return lambda outbox: outbox.mark_failed(alert.id, answer.detail, next_ns)

    def _report(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._trouble = trouble
            self._on_trouble(trouble)

    def _disconnect(self) -> None:
        if self._outbox is not None:
            self._outbox.close()
            self._outbox = None
