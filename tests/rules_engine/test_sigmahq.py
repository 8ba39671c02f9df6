"""Rules in the style of the public SigmaHQ collection load as they are, and fire on our events."""

import textwrap

import pytest

from profguard.model import Event

# Written for this test, with what rules for `product: linux` have: both forms of dates, keys that
# profguard does not read, comments in lists, tags with all kinds of names.
HEAD = """\
title: Shell Started By A Web Server - Linux
id: 5b2c8f0e-7d0f-4b7a-9a0f-1c2d3e4f5a6b
related:
    - id: 6c3d9f1e-8e1a-4c8b-8b1a-2d3e4f5a6b7c
      type: derived
status: test
description: |
    Detects a shell as the child of a web server.
    It often is the result of an exploited application.
references:
    - https://example.org/a
author: 'A, B (C), @d'
date: 2022/06/03
modified: 2023-01-31
tags:
    - attack.initial_access
    - attack.defense-evasion
    - attack.t1059.004
    - cve.2022.26134
    - detection.emerging-threats
license: MIT
scope:
    - server
fields:
    - Image
falsepositives:
    - Unknown
level: high
simulation:
    - type: atomic-red-team
      technique: T1552.005
regression_tests_path: regression_data/x/info.yml
"""
LINUX = "{category: process_creation, product: linux, definition: 'Requirements: exec events'}"


def rule(detection, logsource=LINUX):
    return f"{HEAD}logsource: {logsource}\ndetection:\n" + textwrap.indent(
        textwrap.dedent(detection).strip("\n"), "    "
    )


SHELL = """
selection_img:
    ParentImage|startswith: '/opt/'
    ParentImage|endswith:
        - '/httpd' # apache
        # - '/lighttpd'
        - '/nginx'
    Image|endswith:
        - '/bash'
        - '/sh'
selection_cli:
    - CommandLine|contains|all:
        - ' -c '
        - 'curl'
    - CommandLine|re: '\\s-[ei]\\s'
    - ParentCommandLine|contains: "d2dldA" # wget
filter_main_user:
    User: 'deploy'
filter_optional_check:
    CommandLine|contains: '://localhost'
condition: all of selection_* and not 1 of filter_main_* and not 1 of filter_optional_*
"""


def exec_of(executable, command_line, parent="/opt/web/nginx", user="www-data"):
    return Event.from_dict(
        {
            "event": {"name": "sched_process_exec"},
            "process": {
                "executable": executable,
                "command_line": command_line,
                "parent": {"executable": parent, "command_line": "nginx -g x"},
                "user": {"name": user},
            },
        }
    )


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (exec_of("/usr/bin/bash", "bash -c 'curl x'"), True),
        (exec_of("/usr/bin/bash", "bash -i >x"), True),
        (exec_of("/USR/BIN/BASH", "BASH -C 'CURL X'"), True),
        (exec_of("/usr/bin/bash", "bash script"), False),
        (exec_of("/usr/bin/dash", "dash -i x"), False),
        (exec_of("/usr/bin/bash", "bash -i x", parent="/usr/sbin/nginx"), False),
        (exec_of("/usr/bin/bash", "bash -i x", user="deploy"), False),
        (exec_of("/usr/bin/bash", "bash -c 'curl http://localhost'"), False),
    ],
)
def test_a_rule_of_that_style_fires_on_our_exec_events(rules_of, event, expected):
    rules = rules_of(rule(SHELL))
    assert [p.code for p in rules.problems] == []
    assert bool(rules.match(event)) is expected


# The fields that the taxonomy's appendix has for process creation events.
APPENDIX = (
    "UtcTime ProcessGuid ProcessId Image FileVersion Description Product Company CommandLine "
    "CurrentDirectory User LogonGuid LogonId TerminalSessionId IntegrityLevel imphash md5 sha1 "
    "sha256 ParentProcessGuid ParentProcessId ParentImage ParentCommandLine"
).split()


@pytest.mark.parametrize("field", APPENDIX)
def test_every_field_of_the_taxonomy_is_known(rules_of, field):
    """One that is not observed is always absent; that is a warning."""
    [loaded] = rules_of(rule(f"selection:\n    {field}: null\ncondition: selection")).rules
    assert loaded.event == "sched_process_exec"


FOREIGN = [
    ("{product: linux, service: auditd}", "type: SYSCALL\n    a0|startswith: '10'"),
    ("{product: linux, service: auth}", "'|all': [a, b]"),
    ("{product: linux, service: sshd}", "EventID: 4"),
    ("{product: linux, service: cron}", "x: y"),
    ("{product: linux}", "name: x"),
    ("{product: linux, category: file_event}", "TargetFilename|startswith: /etc/cron.d/"),
    ("{product: linux, category: network_connection}", "DestinationIp|cidr: 10.0.0.0/8"),
    ("{product: linux, category: process_creation, service: sysmon}", "EventID: 1"),
    ("{product: windows, category: process_creation}", r"Image|endswith: '\cmd.exe'"),
    ("{product: macos, category: process_creation}", "Image|endswith: /sh"),
    ("{category: webserver}", "cs-method: GET"),
    ("{product: aws, service: cloudtrail}", "eventName: X"),
]


@pytest.mark.parametrize(("logsource", "item"), FOREIGN, ids=[one for one, _ in FOREIGN])
def test_a_rule_for_a_log_source_that_we_do_not_have_is_listed_as_such(rules_of, logsource, item):
    """Whatever fields it has, and also with a condition that Sigma 2 has no more."""
    for condition in ("selection", "selection | count() by host > 50"):
        text = rule(f"selection:\n    {item}\ncondition: {condition}", logsource)
        rules = rules_of(text)
        assert rules.problems == ()
        assert [one.event for one in rules.foreign] == [None]
        assert rules.in_force == 0


def test_a_list_of_keywords_for_any_linux_log_is_a_foreign_rule(rules_of):
    text = rule("keywords:\n    - 'wget *; chmod'\ncondition: keywords", "{product: linux}")
    assert len(rules_of(text).foreign) == 1


@pytest.mark.parametrize("date", ["2022-9-1", "2022/09-15", "15.09.2022", "2022/13/01"])
def test_a_date_of_any_other_form_is_an_error(problems_of, date):
    [problem] = problems_of(rule(SHELL).replace("2022/06/03", date))
    assert (problem.code, problem.place.line) == ("PG108", 13)
