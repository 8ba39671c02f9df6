"""The ways to deliver an alert: one module here is one sink, known by its module's name.

A sink module has
  OPTIONS     the keys of an [[alerts]] table that it takes, beside those that all take
  REQUIRED    those of them that must be set
  open_sink   makes the sink from an [[alerts]] table; raises ConfigError
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import Protocol

from profguard.config.spec import Alert
from profguard.errors import ConfigError, Place, which_of

Locate = Callable[[str], Place | None]  # where a key of the [[alerts]] table is set


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent. `id` stays the same at every attempt, so that a receiver can deduplicate."""

    id: str
    payload: str  # one line of JSON


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one attempt. `final` means that trying again is of no use."""

    delivered: bool
    detail: str
    final: bool = False
    retry_after_s: float | None = None


class Sink(Protocol):
    """Delivers messages, from one thread at a time."""

    def send(self, message: Message) -> Answer:
        """Try once. Troubles of the other side are answers, not exceptions."""

    def close(self) -> None:
        """Let go of connections."""


def names() -> tuple[str, ...]:
    """The sinks that there are."""
    return tuple(sorted(module.name for module in iter_modules(__path__)))


def open_sink(alert: Alert, locate: Locate) -> Sink:
    """The sink that the table asks for. Raises ConfigError with every problem of its options."""
    if alert.sink not in names():
        hint = which_of(alert.sink, names(), "there are")
        raise ConfigError.of("PG602", f"unknown sink {alert.sink!r}", hint, locate("sink"))
    module = import_module(f"{__name__}.{alert.sink}")
    for key in module.REQUIRED:
        if getattr(alert, key) is None:
            raise ConfigError.of(
                "PG602",
                f"alert destination {alert.name!r} has no {key}",
                f"the sink {alert.sink} needs it",
                locate("sink"),
            )
    for key in ("url", "path", "secret_file", "secret_env"):
        if getattr(alert, key) is not None and key not in module.OPTIONS:
            raise ConfigError.of(
                "PG602",
                f"the sink {alert.sink} has no use for {key}",
                f"it takes {', '.join(module.OPTIONS)}",
                locate(key),
            )
    return module.open_sink(alert, locate)
