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
        yield _gauge("build_info", "Version of profguard.", {(__version__,): 1}, "version")
        yield from self._events()
        yield from self._rules()
        yield from self._findings()
        yield from self._alerts()

    def _events(self) -> Iterator:
        counts = self._sources.sensor.counts.copy()  # the pipeline's thread adds to it
        received = {(name,): count.received for name, count in counts.items()}
        lost = {(name,): count.dropped for name, count in counts.items()}
        yield _counter("events_received", "Events taken from the kernel.", received, "event")
        yield _counter("events_lost", "Events that found no room.", lost, "event")

    def _rules(self) -> Iterator:
        standing = self._sources.reloader.standing
        loads = {(state,): standing.loads[state] for state in STATES}
        good_s = (standing.good_ns or 0) / 1e9
        errors = {(rule,): count for rule, count in dict(self._sources.rule_errors()).items()}
        yield _gauge("rules_in_force", "Rules that events are matched with.", standing.in_force)
        yield _counter("rule_loads", "Times that the rules were read.", loads, "result")
        said = "When the rules in force were read, seconds since 1970."
        yield _gauge("rules_last_good_load_timestamp_seconds", said, good_s)
        said = "1 where the rule files have errors, and older rules are in force."
        yield _gauge("rules_refused", said, int(standing.refused))
        yield _counter("rule_errors", "Failures of rules while they matched.", errors, "rule")

    def _findings(self) -> Iterator:
        keeping = self._sources.keeping
        status = keeping.writer_status
        opened = keeping.opened.copy()
        yield _counter("findings_opened", "Findings by their first rule.", opened, "rule", "level")
        said = "Rows that wait for the database."
        yield _gauge("store_backlog_rows", said, status.pending)
        for name, counts in (("dropped", status.dropped), ("refused", status.refused)):
            said = f"Rows that were {name}: the database took no more."
            rows = {(what,): count for what, count in counts.items()}
            yield _counter(f"store_rows_{name}", said, rows, "what")

    def _alerts(self) -> Iterator:
        try:
            counts = outbox.counts(Store(self._sources.store.path, readonly=True))
        except StoreError:
            return  # the other figures say what there is to say
        yield _gauge("alerts", "Alerts in the outbox.", counts, "destination", "state")


Values = Mapping[tuple[str, ...], float] | float


def _counter(name: str, said: str, values: Values, *labels: str):
    from prometheus_client.core import CounterMetricFamily  # noqa: PLC0415 - see _server

    return _filled(CounterMetricFamily(f"profguard_{name}", said, labels=labels), values)


def _gauge(name: str, said: str, values: Values, *labels: str):
    from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415 - see _server

    return _filled(GaugeMetricFamily(f"profguard_{name}", said, labels=labels), values)


def _filled(family, values: Values):
    sums: Counter[tuple[str, ...]] = Counter()
    for labels, value in (values if isinstance(values, Mapping) else {(): values}).items():
        # Who writes a rule or names its file must not be able to break the format, nor by two
        # names that look alike afterwards.
        sums[tuple(map(printable, labels))] += value
    for labels, value in sums.items():
        family.add_metric(labels, value)
    return family
