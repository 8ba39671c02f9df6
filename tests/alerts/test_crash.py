import os
import signal
import time
from contextlib import closing
from functools import partial

from profguard.alerts.delivery import Delivery
from profguard.alerts.destinations import destinations
from profguard.alerts.outbox import plan, webhook_id
from profguard.findings.writer import Writer


def test_kill_9_while_sending_leaves_nothing_unsent(
    store, alerting, receiving, webhook, make_finding, change
):
    """Of a process killed at any instant, every committed finding arrives, at the latest when the
    next one has started; twice is allowed, with the same id."""
    with receiving() as receiver:
        for start in (0, 10_000, 20_000):
            child = os.fork()
            if child == 0:
                _find_and_send(store, webhook(receiver.url), make_finding, change, start)
            before = len(receiver.received)
            receiver.wait_for(before + 40)
            time.sleep(start / 1e6)  # not always at the same point of its work
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        with alerting(webhook(receiver.url)) as add:
            assert add.delivery.drain(10)
    with closing(store.connect()) as connection:
        committed = {id for (id,) in connection.execute("SELECT id FROM findings")}
    assert len(committed) > 120
    assert set(receiver.ids()) == {webhook_id(id, "oncall") for id in committed}


def _find_and_send(store, alert, make_finding, change, start):
    """The child: what the sensor does with findings, without an end."""
    try:
        made = destinations([alert])
        delivery = Delivery(store, made)
        writer = Writer(store, partial(plan, destinations=made), on_commit=delivery.wake)
        delivery.start()
        for number in range(start, start + 10_000):
            writer.submit([change("opened", make_finding(number))])
            time.sleep(0.001)
    finally:
        os._exit(1)
