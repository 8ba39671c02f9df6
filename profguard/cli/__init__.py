"""The command line: a table of commands, and what becomes of an error that one of them raises."""

import os
import sys

import click

from profguard import __version__
from profguard.cli.lazy import LazyGroup
from profguard.cli.output import emit, say
from profguard.errors import Problem, ProfguardError

# name: (where it is, what it does). The order is that of `profguard --help`.
COMMANDS = {
    "run": ("profguard.cli.run:run", "watch this machine and report what the rules object to"),
    "record": ("profguard.cli.captures:record", "write what happens on this machine to a capture"),
    "replay": ("profguard.cli.captures:replay", "run the rules over a capture"),
    "doctor": ("profguard.cli.doctor:doctor", "what this kernel allows, and which probes attach"),
    "selftest": (
        "profguard.cli.selftest:selftest",
        "do everything to a child, and see what is seen",
    ),
    "demo": ("profguard.cli.demo:demo", "see the whole way in a minute: act, finding, alert"),
    "rules": ("profguard.cli.rules:group", "check, test, list and explain rules"),
    "findings": ("profguard.cli.findings:group", "list, show, count and export what was found"),
    "sessions": ("profguard.cli.sessions:group", "what is profiled now and was before, by whom"),
    "baseline": ("profguard.cli.baseline:baseline", "learn what is normal here, for review"),
    "alerts": ("profguard.cli.alerts:group", "see what was sent to whom, and send again"),
    "events": ("profguard.cli.events:events", "what the sensor reports: a reference"),
    "config": ("profguard.cli.config:group", "check the configuration, or show it"),
}

INTERRUPTED = 130  # 128 + SIGINT, as a shell says it
NOBODY_READS = 141  # 128 + SIGPIPE


@click.group(
    cls=LazyGroup,
    table=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="profguard", message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """See who profiles, traces or debugs which process, and decide whether they should.

    \b
    Examples:
      profguard run                     start the sensor with the shipped rules
      profguard findings list           what was found
      profguard events prof             what a `prof` event holds
      profguard COMMAND --help          options and examples of a command
    """
    if os.environ.get("NO_COLOR"):
        ctx.color = False


def main() -> None:
    """Run the command that the command line names, and exit with its code."""
    if "_PROFGUARD_COMPLETE" in os.environ:  # a shell asks what could come next
        cli.main(prog_name="profguard")
    sys.exit(execute(sys.argv[1:]))


def execute(arguments: list[str]) -> int:
    """Run one command line; returns the exit code. Errors of the user go to stderr.

    With --json an error is one object a problem, `{"type": "error", "code": ...}`.
    """
    # Not `cli.main()`: it answers a closed pipe with exit code 1, which here is a check's "no".
    try:
        with cli.make_context("profguard", arguments) as ctx:
            cli.invoke(ctx)
        sys.stdout.flush()
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except ProfguardError as error:
        _report(error.problems, arguments)
        return error.exit_code
    except click.ClickException as error:
        if _wants_json(arguments):
            _report([Problem("PG702", error.format_message())], arguments)
        else:
            error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        return _stop_writing()
    return 0


def _wants_json(arguments: list[str]) -> bool:
    """Whether --json was given; a command line that does not parse is asked too."""
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return "--json" in options


def _report(problems, arguments: list[str]) -> None:
    for problem in problems:
        if _wants_json(arguments):
            emit({"type": "error", **problem.as_dict()}, err=True)
        else:
            say(problem.render(), err=True)


def _stop_writing() -> int:
    """Nobody reads stdout any more: keep the interpreter from saying so at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return NOBODY_READS
