"""Where alerts go: each [[alerts]] table of the configuration, ready to be used."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from profguard.alerts.formats import FORMATS
from profguard.alerts.sinks import Sink, open_sink
from profguard.config.spec import Alert
from profguard.errors import ConfigError, Place, Problem, which_of
from profguard.model import LEVELS, Finding


@dataclass(frozen=True, slots=True)
class Destination:
    """One receiver of alerts, and which findings it wants. Empty `rules`, `labels`: all."""

    name: str
    sink: Sink
    body: Callable[[Finding], str]
    min_level: str = "medium"
    rules: frozenset[str] = frozenset()
    labels: frozenset[str] = frozenset()
    max_attempts: int = 12

    def wants(self, finding: Finding) -> bool:
        """Whether level, rules and labels of the finding are ones it asked for."""
        if LEVELS.index(finding.level) < LEVELS.index(self.min_level):
            return False
        if self.rules and self.rules.isdisjoint(finding.rules):
            return False
        if self.labels:
            both = (finding.event.process, finding.event.target)
            return any(process and not self.labels.isdisjoint(process.labels) for process in both)
        return True


def destinations(
    alerts: Iterable[Alert], place: Callable[..., Place | None] = lambda *_: None
) -> list[Destination]:
    """The destinations of a configuration: `destinations(config.alerts, config.place)`.

    Raises ConfigError with the problems of all of them.
    """
    made: list[Destination] = []
    problems: list[Problem] = []
    for number, alert in enumerate(alerts):
        locate = _locator(place, number)
        try:
            made.append(_destination(alert, locate))
        except ConfigError as error:
            problems.extend(error.problems)
    if problems:
        close_all(made)
        raise ConfigError(*problems)
    return made


def close_all(made: Iterable[Destination]) -> None:
    for destination in made:
        destination.sink.close()


def _locator(place, number):
    return lambda key: place("alerts", number, key)


def _destination(alert: Alert, locate) -> Destination:
    body = FORMATS.get(alert.format)
    if body is None:
        hint = which_of(alert.format, FORMATS, "there are")
        raise ConfigError.of("PG602", f"unknown format {alert.format!r}", hint, locate("format"))
    return Destination(
        name=alert.name,
        sink=open_sink(alert, locate),
        body=body,
        min_level=alert.min_level,
        rules=frozenset(alert.rules),
        labels=frozenset(alert.labels),
        max_attempts=alert.max_attempts,
    )
