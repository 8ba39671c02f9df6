"""Figures for Prometheus, read when they are asked for: nothing is counted only for them."""

import socket
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Thread

from profguard import __version__
from profguard.config import Config
from profguard.errors import ConfigError, StoreError, printable
from profguard.findings import outbox
from profguard.findings.store import Store
from profguard.keeping import Keeping
from profguard.reload import Reloader
from profguard.reload.load import STATES
from profguard.sensor.live import Sensor

CLIENT_S = 10  # how long a client may take


@dataclass(frozen=True, slots=True)
class Sources:
    """What the figures are read from, in the thread of whoever asks."""

    sensor: Sensor
    keeping: Keeping
    reloader: Reloader
    store: Store
    rule_errors: Callable[[], Mapping[str, int]] = dict  # by id of the rule
    forgotten: Callable[[], Mapping[str, int]] = dict  # groups of correlations, by id of the rule


Values = Mapping[tuple[str, ...], float] | float


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: `read` gives its value, or a value for each combination of its labels."""

    name: str
    kind: str  # counter or gauge
    meaning: str
    read: Callable[[Sources], Values]
    labels: tuple[str, ...] = ()

    @property
    def full_name(self) -> str:
        """By Prometheus's conventions; a counter's samples get `_total` at the end besides."""
        return f"profguard_{self.name}"


def _events(sources: Sources, attribute: str) -> Values:
    counts = sources.sensor.counts.copy()  # the pipeline's thread adds to it
    return {(name,): getattr(count, attribute) for name, count in counts.items()}


def _lost(sources: Sources) -> Values:
    counts = sources.sensor.counts.copy()
    return {
        (name, reason): lost
        for name, count in counts.items()
        for reason, lost in count.by_reason.items()
    }


def _by_one(counts: Mapping[str, int]) -> Values:
    return {(key,): count for key, count in dict(counts).items()}


def _alerts(sources: Sources) -> Values:
    try:
        return outbox.counts(Store(sources.store.path, readonly=True))
    except StoreError:
        return {}  # the other figures say what there is to say


FIGURES = (
    Figure(
        "build_info", "gauge", "Version of profguard.", lambda _: {(__version__,): 1}, ("version",)
    ),
    Figure(
        "events_received",
        "counter",
        "Events taken from the kernel.",
        lambda s: _events(s, "received"),
        ("event",),
    ),
    Figure(
        "events_lost",
        "counter",
        "Events that happened and could not be taken, by the reason that lost_events names.",
        _lost,
        ("event", "reason"),
    ),
    Figure(
        "events_folded",
        "counter",
        "Events of floods, which were only counted.",
        lambda s: _events(s, "folded"),
        ("event",),
    ),
    Figure(
        "findings_opened",
        "counter",
        "Findings, by the rule that opened them.",
        lambda s: s.keeping.opened.copy(),
        ("rule", "level"),
    ),
    Figure(
        "rules_in_force",
        "gauge",
        "Rules that events are matched with.",
        lambda s: s.reloader.standing.in_force,
    ),
    Figure(
        "rules_refused",
        "gauge",
        "1 while the rule files have errors, and older rules are in force.",
        lambda s: int(s.reloader.standing.refused),
    ),
    Figure(
        "rules_last_good_load_timestamp_seconds",
        "gauge",
        "When the rules in force were read, in seconds since 1970.",
        lambda s: (s.reloader.standing.good_ns or 0) / 1e9,
    ),
    Figure(
        "rule_loads",
        "counter",
        "Times that the rules were read: in_force or refused.",
        lambda s: {(state,): s.reloader.standing.loads[state] for state in STATES},
        ("result",),
    ),
    Figure(
        "rule_errors",
        "counter",
        "Failures of a rule while it matched.",
        lambda s: _by_one(s.rule_errors()),
        ("rule",),
    ),
    Figure(
        "correlation_groups_forgotten",
        "counter",
        "Groups of a correlation that had to make room before their time was over.",
        lambda s: _by_one(s.forgotten()),
        ("rule",),
    ),
    Figure(
        "alerts",
        "gauge",
        "Alerts in the outbox: pending, delivered or dead.",
        _alerts,
        ("destination", "state"),
    ),
    Figure(
        "store_backlog_rows",
        "gauge",
        "Rows that wait for the database.",
        lambda s: s.keeping.writer_status.pending,
    ),
    Figure(
        "store_rows_dropped",
        "counter",
        "Rows that there was no room for while the database could not be written.",
        lambda s: _by_one(s.keeping.writer_status.dropped),
        ("what",),
    ),
    Figure(
        "store_rows_refused",
        "counter",
        "Rows that the database did not take.",
        lambda s: _by_one(s.keeping.writer_status.refused),
        ("table",),
    ),
)


def listen(config: Config) -> socket.socket | None:
    """A socket at the address of the configuration, if there is one. Raises ConfigError PG206."""
    address = config.metrics.address
    if not address:
        return None
    host, _, port = address.rpartition(":")
    try:
        family, _, _, _, place = socket.getaddrinfo(
            host.strip("[]"), int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(place[:2], family=family)
    except OSError as error:
        raise ConfigError.of(
            "PG206",
            f"metrics cannot be served at {address}: {error.strerror}",
            "another address, or none: then nothing is served",
            config.place("metrics", "address"),
        ) from None


@contextmanager
def serving(listener: socket.socket | None, sources: Sources) -> Iterator[None]:
    """Answer at `listener` as long as the block lasts, in threads of its own."""
    if listener is None:
        yield
        return
    made: SimpleQueue = SimpleQueue()

    def serve() -> None:
        server = _server(listener, sources)
        made.put(server)
        server.serve_forever(poll_interval=0.2)

    thread = Thread(target=serve, name="profguard-metrics", daemon=True)
    thread.start()
    try:
        yield
    finally:
        made.get().shutdown()
        thread.join()
        listener.close()


def _server(listener: socket.socket, sources: Sources):
    # Slow to import, and only here is it needed.
    from http.server import ThreadingHTTPServer  # noqa: PLC0415

    from prometheus_client import CollectorRegistry, MetricsHandler, ProcessCollector  # noqa: PLC0415

    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(Figures(sources))
    handler = MetricsHandler.factory(registry)
    handler.timeout = CLIENT_S
    server = ThreadingHTTPServer(listener.getsockname()[:2], handler, bind_and_activate=False)
    server.socket.close()
    server.socket = listener
    return server


class Figures:
    """A collector of prometheus-client: `collect` gives every figure as it is now."""

    def __init__(self, sources: Sources):
        self._sources = sources

    def describe(self) -> tuple:
        """Nothing: what it collects is known when it is asked."""
        return ()

    def collect(self) -> Iterator:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily  # noqa: PLC0415

        kinds = {"counter": CounterMetricFamily, "gauge": GaugeMetricFamily}
        for figure in FIGURES:
            family = kinds[figure.kind](figure.full_name, figure.meaning, labels=figure.labels)
            for labels, value in _summed(figure.read(self._sources)).items():
                family.add_metric(labels, value)
            yield family


def _summed(values: Values) -> Counter[tuple[str, ...]]:
    """The values by labels that are printable.

    Who writes a rule or names its file must not be able to break the format, nor by two names that
    look alike once they are printable.
    """
    sums: Counter[tuple[str, ...]] = Counter()
    for labels, value in (values if isinstance(values, Mapping) else {(): values}).items():
        sums[tuple(map(printable, labels))] += value
    return sums


def page() -> str:
    """The text of docs/metrics.md."""
    rows = [
        (
            f"`{figure.full_name}{'_total' if figure.kind == 'counter' else ''}`",
            figure.kind,
            ", ".join(f"`{label}`" for label in figure.labels) or "-",
            figure.meaning,
        )
        for figure in FIGURES
    ]
    head = ("name", "type", "labels", "meaning")
    lines = [f"| {' | '.join(cells)} |" for cells in (head, ("---",) * len(head), *rows)]
    return "\n".join([_INTRO, *lines, ""])


_INTRO = """\
<!-- Generated from the figures by `make generate`. Do not edit. -->

# Metrics

With this in the configuration a running sensor answers Prometheus at
`http://127.0.0.1:9464/metrics`:

```toml
[metrics]
address = "127.0.0.1:9464"
```

Whoever reaches that address may read; nothing in it names a process. Beside these there are
prometheus-client's figures of a process: `process_cpu_seconds_total`,
`process_resident_memory_bytes`, `process_open_fds` and others.
"""
