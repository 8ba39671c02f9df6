import base64
import traceback

import pytest

from profguard.alerts.destinations import destinations
from profguard.alerts.secrets import parse_secret
from profguard.config import parse
from profguard.config.spec import Alert
from profguard.errors import ConfigError, Place

BYTES = bytes(range(32))
TEXT = base64.b64encode(BYTES).decode()


@pytest.mark.parametrize(
    "text", [f"whsec_{TEXT}", TEXT, f" whsec_{TEXT}\n", f"whsec_{TEXT.rstrip('=')}"]
)
def test_secrets_are_read_as_others_write_them(text):
    assert parse_secret(text, Place("key")) == BYTES


def _problem(alerts, **_):
    with pytest.raises(ConfigError) as caught:
        destinations(alerts)
    assert caught.value.exit_code == 3
    shown = "".join(traceback.format_exception(caught.value)) + caught.value.render()
    return caught.value.problems, shown


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"correct horse battery staple!", "not base64"),
        (b"whsec_c2hvcnQ=", "has 5 bytes"),
        (b"", "has 0 bytes"),
        (b"\xff\xfe\x00", "not ASCII"),
        (base64.b64encode(bytes(100)), "has 100 bytes"),
    ],
)
def test_a_file_that_holds_no_secret_is_named_and_not_shown(tmp_path, content, message):
    path = tmp_path / "webhook.key"
    path.write_bytes(content)
    alert = Alert(name="a", sink="webhook", url="http://localhost/", secret_file=str(path))
    [problem], shown = _problem([alert])
    assert problem.code == "PG601"
    assert message in problem.message
    assert str(problem.place).startswith(str(path))
    assert "openssl rand" in problem.hint
    assert not content or content.decode("latin-1") not in shown


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ({"secret_file": "/no/such/file"}, "PG601", "No such file"),
        ({"secret_env": "PROFGUARD_TEST_UNSET"}, "PG601", "is not set"),
        ({"secret_env": "A", "secret_file": "/b"}, "PG601", "both"),
        ({"url": None}, "PG602", "has no url"),
        ({"url": "http://host:99999/"}, "PG602", "the url is none"),
        ({"path": "/tmp/x"}, "PG602", "no use for path"),
        ({"sink": "webhok"}, "PG602", "unknown sink 'webhok'"),
        ({"format": "jsn"}, "PG602", "unknown format"),
    ],
)
def test_a_destination_that_is_not_usable(options, code, message):
    fields = {"name": "a", "sink": "webhook", "url": "http://localhost/"} | options
    [problem], _ = _problem([Alert(**fields)])
    assert problem.code == code
    assert message in problem.message
    assert problem.hint


def test_a_secret_from_the_environment(monkeypatch):
    monkeypatch.setenv("PROFGUARD_TEST_SECRET", f"whsec_{TEXT}")
    options = {"url": "http://localhost/", "secret_env": "PROFGUARD_TEST_SECRET"}
    [made] = destinations([Alert(name="a", sink="webhook", **options)])
    assert TEXT not in repr(made)
    made.sink.close()


def test_all_problems_are_reported_where_they_are(tmp_path):
    text = """
[[alerts]]
name = "one"
sink = "webhok"
url = "http://localhost/"

[[alerts]]
name = "two"
sink = "file"
path = "alerts.jsonl"
format = "xml"
"""
    config = parse(text, tmp_path / "profguard.toml")
    with pytest.raises(ConfigError) as caught:
        destinations(config.alerts, config.place)
    found = [(problem.place.line, problem.message) for problem in caught.value.problems]
    assert found == [
        (4, "unknown sink 'webhok'"),
        (11, "unknown format 'xml'"),
    ]
    assert caught.value.problems[0].hint == "did you mean 'webhook'?"
