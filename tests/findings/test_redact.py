import time

import pytest
from msgspec import structs

from profguard.errors import ConfigError
from profguard.findings.redact import MASK, Redactor, redact
from profguard.model import Event

SECRETS = [
    "mysql --password=hunter2 -h db",
    "tool --token hunter2 --verbose",
    "tool -api-key hunter2",
    "PGPASSWORD=hunter2 psql",
    "env GITHUB_TOKEN=hunter2 make",
    "env SIGNING_KEY=hunter2 make",
    "AWS_SECRET_ACCESS_KEY=hunter2/x+y== aws s3 ls",
    'curl -H "Authorization: Bearer hunter2" https://x',
    "curl -H X-Api-Key: hunter2 https://x",
    "curl -u ann:hunter2 https://x",
    "curl --user ann:hunter2 https://x",
    "git clone https://ann:hunter2@example.com/r.git",
    "psql postgresql://:hunter2@db/shop",
    'app {"password": "hunter2"}',
    'app {"Authorization":"Basic hunter2"}',
    "app client_secret='hunter2 with spaces'",
]
HARMLESS = [
    "perf record -p 4242 -F 99",
    "perf stat -e cycles:u -a --timeout 5000",
    "gdb -p 42 /usr/bin/keyring",
    "tool --max-tokens 100 --tokenizer bert --key /etc/tls/server.pem",
    "tool --password-file /etc/secret.txt --token-path /run/token",
    "ssh ann@example.com",
    "passwd root",
    "PWD=/root sort -k 2 -u names",
    "cat /proc/42/keys secretary",
]


@pytest.mark.parametrize("text", SECRETS)
def test_secrets_are_masked_and_masking_is_stable(text):
    masked = Redactor().text(text)
    assert "hunter2" not in masked
    assert MASK in masked
    assert Redactor().text(masked) == masked


@pytest.mark.parametrize(
    "secret",
    [
        "AKIA" + "ABCDEFGHIJKLMNOP",
        "ghp_" + "a1" * 18,
        "xoxb-" + "123456789012",
        "eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_keys_with_a_known_shape_are_masked_anywhere(secret):
    assert Redactor().text(f"run {secret} now") == f"run {MASK} now"


@pytest.mark.parametrize("piece", ["a", "a-", "a.b_", "token", "eyJ-", "x://", "--", "A_", "' "])
def test_hostile_text_costs_no_more_than_its_length(piece):
    text = piece * (100_000 // len(piece)) + "token @ -u KEY"
    started = time.process_time()
    Redactor().text(text)
    Redactor().arguments([text])
    assert time.process_time() - started < 1


@pytest.mark.parametrize("text", HARMLESS)
def test_what_profilers_are_given_stays_readable(text):
    assert Redactor().text(text) == text


def test_an_event_is_masked_in_every_field_and_the_original_is_kept(make_finding):
    """Processes are shared with the process table, whose facts rules go on matching."""
    event = make_finding().event
    event.process.parent_command_line = "sh -c 'TOKEN=hunter2 gdb'"
    event.target.environ = {"DB_PASSWORD": "hunter2", "DSN": "pg://a:hunter2@h/d", "LANG": "C"}
    masked = redact(event)
    assert "hunter2" not in repr(masked)
    assert masked.target.environ == {"DB_PASSWORD": MASK, "DSN": f"pg://a:{MASK}@h/d", "LANG": "C"}
    assert masked.process.parent_command_line == f"sh -c 'TOKEN={MASK} gdb'"
    assert "hunter2" in repr(event)
    assert redact(masked) is masked


def test_arguments_are_masked_whole():
    event = Event.from_dict(
        {
            "event": {"name": "sched_process_exec"},
            "sched_process_exec": {
                "argv": [
                    "tool",
                    "--token",
                    "two words hunter2",
                    "-v",
                    "--secret=two words hunter2",
                    "DB_PASSWORD=two\nlines hunter2",
                    "-p",
                    "42",
                ]
            },
        }
    )
    argv = ("tool", "--token", MASK, "-v", f"--secret={MASK}", f"DB_PASSWORD={MASK}", "-p", "42")
    assert redact(event)["argv"] == argv


def test_nothing_is_copied_where_nothing_matches(make_finding):
    finding = make_finding()
    assert Redactor().finding(finding) is finding


def test_patterns_of_the_user_are_added(make_finding):
    redactor = Redactor([r"customer-\d+", r"pin (?P<secret>\d+)"])
    finding = structs.replace(make_finding(), message="customer-17 has pin 1234, token=x")
    assert redactor.finding(finding).message == f"{MASK} has pin {MASK}, token={MASK}"


def test_a_pattern_that_is_none_is_refused():
    with pytest.raises(ConfigError, match="no regular expression") as caught:
        Redactor(["(unclosed"])
    assert caught.value.problems[0].code == "PG204"
