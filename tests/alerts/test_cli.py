import json

import pytest
from click.testing import CliRunner

from profguard.cli.alerts import group
from profguard.errors import ProfguardError
from profguard.findings import outbox


@pytest.fixture
def queued(alerting, webhook, make_finding, store):
    """Three alerts: one delivered, one dead, one waiting for its second attempt."""
    with alerting(webhook("http://127.0.0.1:1/"), deliver=False) as add:
        add(*(make_finding(number) for number in range(3)))
    box = outbox.Outbox(store)
    box.mark_delivered(1, 1_800_000_000_000_000_000)
    box.mark_dead(2, "500 \x1b[2J[red]")
    box.mark_failed(3, "timed out", 4_000_000_000_000_000_000)
    box.close()
    return store


def run(*arguments, code=0):
    result = CliRunner().invoke(group, [str(argument) for argument in arguments])
    if isinstance(result.exception, ProfguardError):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.output


def test_list(queued, make_finding):
    rows = [json.loads(line) for line in run("list", "--db", queued.path, "--json").splitlines()]
    found = [(row["id"], row["state"], row["attempts"], row["last_error"]) for row in rows]
    assert found == [
        (3, "pending", 1, "timed out"),
        (2, "dead", 1, "500 \x1b[2J[red]"),
        (1, "delivered", 1, None),
    ]
    assert rows[0]["next_attempt"] == "2096-10-02T07:06:40.000000000Z"
    assert rows[2]["delivered"] == "2027-01-15T08:00:00.000000000Z"
    assert rows[2]["finding_id"] == make_finding(0).id
    out = run("list", "--db", queued.path, "--state", "dead")
    assert "500 \\x1b[2J[red]" in out
    assert "timed out" not in out
    assert run("list", "--db", queued.path, "--destination", "nobody") == "no alerts\n"


@pytest.mark.parametrize(
    ("arguments", "count", "states"),
    [
        (["--dead"], 1, ["pending", "pending", "delivered"]),
        (["--all"], 2, ["pending", "pending", "delivered"]),
        (["1"], 1, ["pending", "dead", "pending"]),
        (["1", "--dead"], 2, ["pending", "pending", "pending"]),
    ],
)
def test_retry(queued, arguments, count, states):
    out = run("retry", *arguments, "--db", queued.path, "--json")
    assert json.loads(out) == {"type": "retry", "alerts": count}
    rows = outbox.listed(queued)
    assert [row["state"] for row in rows] == states
    fresh = [row for row in rows if row["state"] == "pending" and row["id"] != 3]
    assert all(row["attempts"] == 0 == row["next_attempt_ns"] for row in fresh)


def test_retry_of_an_unknown_alert_changes_nothing(queued):
    with pytest.raises(ProfguardError) as caught:
        run("retry", "2", "77", "--db", queued.path)
    assert caught.value.problems[0].code == "PG603"
    assert "77" in caught.value.problems[0].message
    assert outbox.listed(queued, ("dead",))
    assert "--dead or --all" in run("retry", "--db", queued.path, code=2)


@pytest.fixture
def config(tmp_path, secret_file):
    def write(url):
        path = tmp_path / "profguard.toml"
        path.write_text(
            f'[[alerts]]\nname = "oncall"\nsink = "webhook"\nurl = "{url}"\n'
            f'secret_file = "{secret_file}"\ntimeout_s = 1\n'
        )
        return path

    return write


def test_a_test_alert_is_signed_and_shows_the_answer(config, receiving):
    with receiving(200, (403, {}, b"who are you?")) as receiver:
        path = config(receiver.url)
        assert run("test", "oncall", "--config", path) == "oncall: delivered: 200 OK\n"
        out = run("test", "oncall", "--config", path, "--json", code=1)
    assert json.loads(out)["answer"] == "403 Forbidden: who are you?"
    [(_, body)] = receiver.received
    assert (body["type"], body["destination"]) == ("test", "oncall")


def test_a_test_alert_to_nobody(config):
    path = config("http://127.0.0.1:1/hook")
    assert "Connection refused" in run("test", "oncall", "--config", path, code=1)
    with pytest.raises(ProfguardError) as caught:
        run("test", "onkall", "--config", path)
    assert caught.value.problems[0].code == "PG701"
    assert caught.value.problems[0].hint == "did you mean 'oncall'?"
