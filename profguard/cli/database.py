"""Which database a command works on: the one of --db, or the one the configuration names."""

from pathlib import Path

import click

from profguard.cli.options import PATH
from profguard.findings.store import Store

db_option = click.option(
    "--db",
    type=PATH,
    metavar="FILE",
    help="The database. Default: [store] path of the configuration.",
)
config_option = click.option(
    "--config",
    "config_path",
    type=PATH,
    metavar="FILE",
    help="The configuration.",
)


def open_store(db: Path | None, config_path: Path | None, *, readonly: bool = True) -> Store:
    """The store to work on. Raises StoreError, or ConfigError for the configuration."""
    if db is None:
        from profguard import config

        db = config.load(config_path).store.path
    return Store(db, readonly=readonly)
