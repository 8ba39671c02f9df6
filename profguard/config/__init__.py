"""The configuration: one TOML file in which every value has a default."""

from profguard.config.file import load, parse
from profguard.config.render import as_dict, as_toml, config_schema, defaults_as_toml
from profguard.config.spec import Alert, Config, LabelDefinition

__all__ = [
    "Alert",
    "Config",
    "LabelDefinition",
    "as_dict",
    "as_toml",
    "config_schema",
    "defaults_as_toml",
    "load",
    "parse",
]
