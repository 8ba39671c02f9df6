import json
import threading
import time
from functools import partial

import pytest

from profguard.alerts import sinks
from profguard.alerts.delivery import RETRY_MOST_S, Delivery, retry_delay_s
from profguard.alerts.destinations import destinations
from profguard.alerts.outbox import webhook_id
from profguard.config.spec import Alert
from profguard.findings import outbox
from profguard.findings.store import Store


def states(store):
    return [row["state"] for row in reversed(outbox.listed(store))]


def test_a_finding_arrives_signed_at_once_and_in_order(
    alerting, receiving, webhook, make_finding, store
):
    """The receiver verifies every signature; the body is the finding's public shape."""
    findings = [make_finding(number) for number in range(20)]
    with receiving() as receiver, alerting(webhook(receiver.url)) as add:
        started = time.monotonic()
        add(findings[0])
        receiver.wait_for(1)
        assert time.monotonic() - started < 0.5
        add(*findings[1:])
        assert add.delivery.drain(5)
    assert receiver.ids() == [webhook_id(finding.id, "oncall") for finding in findings]
    assert receiver.received[0][1] == json.loads(json.dumps(findings[0].as_dict()))
    assert states(store) == ["delivered"] * 20


def test_an_alert_is_tried_again_before_any_later_one(
    alerting, receiving, webhook, make_finding, store
):
    """Refusals, a broken connection and a timeout are failed attempts; the order holds."""

    def too_slow():
        time.sleep(0.3)

    findings = [make_finding(number) for number in range(3)]
    replies = (500, (302, {"location": "/elsewhere"}, b""), None, too_slow, 404, 200)
    with (
        receiving(*replies) as receiver,
        alerting(webhook(receiver.url, timeout_s=0.2)) as add,
    ):
        add(*findings)
        assert add.delivery.drain(5)
    first = webhook_id(findings[0].id, "oncall")
    assert [attempt for attempt, _ in receiver.attempts[:6]] == [first] * 6
    assert [row["attempts"] for row in reversed(outbox.listed(store))] == [6, 1, 1]
    assert receiver.ids()[-2:] == [webhook_id(finding.id, "oncall") for finding in findings[1:]]


def test_a_dead_alert_frees_the_line_and_can_be_sent_by_hand(
    alerting, receiving, webhook, make_finding, store
):
    refusal = (500, {}, b"\x1b[2Jno\n")
    with (
        receiving(refusal, refusal, refusal) as receiver,
        alerting(webhook(receiver.url, max_attempts=3)) as add,
    ):
        add(make_finding(1), make_finding(2))
        assert add.delivery.drain(5)
        assert states(store) == ["dead", "delivered"]
        [dead] = outbox.listed(store, ("dead",))
        assert dead["attempts"] == 3
        assert dead["last_error"] == "500 Internal Server Error: \\x1b[2Jno"

        assert outbox.retry(store, [dead["id"]]) == 1
        receiver.wait_for(2)
        assert add.delivery.drain(5)
    assert states(store) == ["delivered", "delivered"]
    assert receiver.ids()[1] == webhook_id(make_finding(1).id, "oncall")


def test_gone_is_final(alerting, receiving, webhook, make_finding, store):
    with receiving(410) as receiver, alerting(webhook(receiver.url)) as add:
        add(make_finding(1))
        assert add.delivery.drain(5)
    assert states(store) == ["dead"]
    assert len(receiver.attempts) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_a_receiver_may_say_when_to_come_again(alerting, receiving, webhook, make_finding, status):
    asks = (status, {"retry-after": "1"}, b"")
    with receiving(asks) as receiver, alerting(webhook(receiver.url)) as add:
        add(make_finding(1))
        assert add.delivery.drain(5)
    (_, refused), (_, accepted) = receiver.attempts
    assert 1 <= accepted - refused < 2.5


def test_a_slow_destination_delays_no_other(alerting, receiving, webhook, make_finding, tmp_path):
    log = tmp_path / "alerts.jsonl"
    findings = [make_finding(number) for number in range(5)]
    gate = threading.Event()
    with receiving(partial(_pass, gate)) as slow, receiving() as quick:
        alerts = (
            webhook(slow.url, "slow"),
            webhook(quick.url, "quick"),
            Alert(name="log", sink="file", path=str(log)),
        )
        with alerting(*alerts) as add:
            add(*findings)
            quick.wait_for(5)
            assert not slow.received
            gate.set()
            assert add.delivery.drain(5)
    assert len(slow.received) == 5
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert lines == json.loads(json.dumps([finding.as_dict() for finding in findings]))
    assert log.stat().st_mode & 0o777 == 0o600


def _pass(gate):
    gate.wait(10)


def test_what_an_earlier_run_left_is_sent(alerting, receiving, webhook, make_finding):
    """Also after a kill -9: the lock of the dead process is gone with it."""
    with receiving() as receiver:
        with alerting(webhook(receiver.url), deliver=False) as add:
            add(make_finding(1), make_finding(2))
        with alerting(webhook(receiver.url)):
            receiver.wait_for(2)


def test_two_processes_do_not_deliver_at_once(store, alerting, receiving, webhook, make_finding):
    """A second deliverer of the same database waits for the first to end."""
    with receiving() as receiver:
        second = Delivery(store, destinations([webhook(receiver.url)]))
        with alerting(webhook(receiver.url)) as add:
            add(make_finding(1))
            receiver.wait_for(1)
            second.start()
            add(*(make_finding(number) for number in range(2, 30)))
            assert add.delivery.drain(5)
            assert len(receiver.attempts) == 29
        with alerting(webhook(receiver.url), deliver=False) as add:
            add(make_finding(30))
            receiver.wait_for(30)
        second.stop()


def test_a_delivery_that_cannot_be_marked_is_not_made_twice(
    small_disk, fill, alerting, receiving, webhook, make_finding
):
    """With a full disk the mark waits for space, and the alert is not sent again meanwhile."""
    store, filler, troubles = Store(small_disk / "profguard.db"), small_disk / "filler", []
    with (
        receiving(partial(fill, filler)) as receiver,
        alerting(webhook(receiver.url), store=store, on_trouble=troubles.append) as add,
    ):
        add(make_finding(1))
        receiver.wait_for(1)
        deadline = time.monotonic() + 5
        while not troubles and time.monotonic() < deadline:
            time.sleep(0.01)
        assert "full" in troubles[0]
        filler.unlink()
        assert add.delivery.drain(5)
    assert len(receiver.attempts) == 1
    assert states(store) == ["delivered"]


def test_a_sink_with_a_fault_is_a_failed_attempt(alerting, tmp_path, make_finding, store):
    """Whatever a sink raises is recorded and does not end the thread."""
    attempts = []
    table = Alert(name="log", sink="file", path=str(tmp_path / "alerts.jsonl"))
    with alerting(table, on_attempt=lambda *a: attempts.append(a)) as add:
        [lane] = add.delivery._lanes
        lane._destination.sink._path = None  # os.open raises TypeError
        add(make_finding(1))
        deadline = time.monotonic() + 5
        while len(attempts) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        lane._destination.sink._path = table.path
        assert add.delivery.drain(5)
    assert attempts[0][2].detail.startswith("TypeError in the sink")
    assert states(store) == ["delivered"]


def test_stopping_does_not_wait_for_a_receiver_that_hangs(
    alerting, receiving, webhook, make_finding, store
):
    """What was under way is sent again by the next run: at least once."""
    gate = threading.Event()
    with receiving(partial(_pass, gate)) as receiver:
        with alerting(webhook(receiver.url)) as add:
            add(make_finding(1))
            while not receiver.attempts:
                time.sleep(0.005)
            started = time.monotonic()
            add.delivery.stop(0.1)
            assert time.monotonic() - started < 1
        assert states(store) == ["pending"]
        with alerting(webhook(receiver.url)) as add:
            assert add.delivery.drain(5)
        gate.set()
    assert len({attempt for attempt, _ in receiver.attempts}) == 1
    assert len(receiver.attempts) == 2


def test_waits_grow_and_are_spread():
    for attempts in range(1, 60):
        longest = min(RETRY_MOST_S, 3 ** (attempts - 1))
        delays = [retry_delay_s(attempts) for _ in range(200)]
        assert 0 <= min(delays) < 0.2 * longest
        assert 0.8 * longest < max(delays) <= longest


def test_sinks_are_the_modules_of_their_folder():
    assert sinks.names() == ("file", "webhook")
