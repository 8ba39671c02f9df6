"""Which tool a process is: named from data, by its executable and arguments."""

import tomllib
from collections.abc import Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path

from profguard.config import LabelDefinition
from profguard.context.labels import Labeler
from profguard.errors import ConfigError
from profguard.model import Process

SHIPPED = Path(__file__).with_name("tools.toml")
UNKNOWN = "unknown"


class Tools:
    """Names tools: the configuration's in its order, then the shipped ones.

    `placeholders` are the lists that `|expand` may name. Raises ConfigError as a Labeler does.
    """

    def __init__(
        self,
        definitions: Sequence[LabelDefinition] = (),
        placeholders: dict[str, tuple[str, ...]] | None = None,
    ):
        self._configured = Labeler(definitions, placeholders)
        # The environment is kept of what labels and rules name only.
        for definition in definitions if self._configured.environ_names else ():
            for name in Labeler([definition], placeholders).environ_names:
                raise ConfigError.of(
                    "PG204",
                    f"a tool is not told by its environment: environ.{name}",
                    "executable and command_line say what a tool is",
                    place=definition.place(),
                )

    def name(self, process: Process | None) -> str | None:
        """The name of the tool, UNKNOWN where nothing fits; None where there is no process."""
        if process is None:
            return None
        named = (labeler.labels(process) for labeler in (self._configured, self._shipped))
        return next(chain.from_iterable(named), UNKNOWN)

    @cached_property
    def _shipped(self) -> Labeler:
        """Made when a tool is named: the sensor is armed without it."""
        return Labeler(shipped())


def shipped() -> list[LabelDefinition]:
    """The tools that the program knows."""
    table = tomllib.loads(SHIPPED.read_text(encoding="utf-8"))
    return [LabelDefinition(name, selection) for name, selection in table.items()]
