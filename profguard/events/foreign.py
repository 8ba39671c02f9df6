"""The events of other sensors that have no counterpart in the registry.

They have a specification too, made from what the event itself says, so that they travel like any
other. No Sigma rule is asked of them: their names are none of the registry's.
"""

import re
from functools import lru_cache
from typing import Any

import msgspec

from profguard.events import BY_NAME
from profguard.events.spec import Arg, EventSpec, Tag

_NAME = re.compile(r"\w[\w.:-]{0,63}", re.ASCII)
# What the public shapes have beside the arguments, which stand under the event's name.
_TAKEN = frozenset({"type", "event", "host", "process", "target", "relation", "finding", "rule"})
_KINDS = {bool: "bool", int: "int", tuple: "list"}
# Limits on what a hostile line may make us remember. A sensor has a few hundred events.
_KEPT, _MAX_ARGUMENTS, _MAX_NAME = 1024, 64, 128


@lru_cache(_KEPT)
def foreign_spec(sensor: str, name: str, arguments: tuple[str, ...]) -> EventSpec:
    """The specification of an event that `sensor` calls `name`.

    Where that name means something else here, it has the sensor's name in front. Raises ValueError
    for what is no name at all.
    """
    for each in (sensor, name):
        if not _NAME.fullmatch(each):
            raise ValueError(f"{each[:40]!r} is no name of a sensor or an event")
    if len(arguments) > _MAX_ARGUMENTS or any(len(each) > _MAX_NAME for each in arguments):
        raise ValueError(f"{name} has too many arguments, or too long a name of one")
    if name in BY_NAME or name in _TAKEN:
        name = f"{sensor}_{name}"
    args = (Arg(each, None, f"as {sensor} names it", (Tag.OPT,), kind="str") for each in arguments)
    return EventSpec(name, 0, f"an event of {sensor}", tuple(args), sensor=sensor)


def foreign_value(value: Any) -> Any:
    """A JSON value as an argument: a number, a text, a bool, or a tuple of texts.

    What is nested is its JSON as text, and so is a number that the kernel could not send.
    """
    if isinstance(value, str | bool | float | None):
        return value
    if isinstance(value, int):
        return value if -(1 << 63) <= value < 1 << 64 else str(value)
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return tuple(value)
    return msgspec.json.encode(value).decode()
