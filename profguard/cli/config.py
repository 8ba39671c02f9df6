"""`profguard config`: is the configuration right, and what does it say?"""

from collections.abc import Iterator
from pathlib import Path

import click

from profguard.cli.database import config_option
from profguard.cli.options import PATH
from profguard.cli.output import emit, json_option, say
from profguard.config import Config, as_dict, as_toml, defaults_as_toml, load
from profguard.errors import ConfigError, Problem


@click.group()
def group() -> None:
    """Check the configuration, or show it.

    \b
    Examples:
      profguard config check                       the file that `profguard run` would read
      profguard config check ./profguard.toml      another one
      profguard config show --defaults             every value with its meaning, to start from
    """


@group.command()
@click.argument("file", type=PATH, required=False)
@json_option
def check(file: Path | None, as_json: bool) -> None:
    """Check FILE, or the configuration of the system: syntax, keys, values, and what they name.

    \b
    Example:
      profguard config check ./profguard.toml
    """
    config = load(file)
    problems = [*_selection_problems(config), *_alert_problems(config)]
    if problems:
        raise ConfigError(*problems)
    name = _name(config)
    if as_json:
        emit({"type": "config", "file": name, "ok": True})
    elif name is None:
        say("no configuration file: the defaults are in force")
    else:
        say(f"{name}: all is well")


@group.command()
@config_option
@click.option("--defaults", is_flag=True, help="Every value with its meaning and its default.")
@json_option
def show(config_path: Path | None, defaults: bool, as_json: bool) -> None:
    """Show the configuration in force, as TOML.

    \b
    Examples:
      profguard config show               what is in force
      profguard config show --defaults    every value with its meaning, to start from
    """
    config = Config() if defaults else load(config_path)
    if as_json:
        emit({"type": "config", "file": _name(config), "config": as_dict(config)})
    else:
        say((defaults_as_toml() if defaults else as_toml(config)).rstrip("\n"))


def _selection_problems(config: Config) -> Iterator[Problem]:
    from profguard.context import Labeler
    from profguard.context.tools import Tools

    for kind, definitions in ((Labeler, config.labels), (Tools, config.tools)):
        try:
            kind(definitions, config.rules.placeholders)
        except ConfigError as error:
            yield from error.problems


def _alert_problems(config: Config) -> tuple[Problem, ...]:
    from profguard.alerts.destinations import close_all, destinations

    try:
        close_all(destinations(config.alerts, config.place))
    except ConfigError as error:
        return error.problems
    return ()


def _name(config: Config) -> str | None:
    return config.source.path if config.source else None
