"""The figures as Prometheus reads them: over HTTP, parsed by its own parser."""

import socket
import time
import urllib.request
from contextlib import closing
from types import SimpleNamespace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from profguard import metrics
from profguard.config import Config, parse
from profguard.config.spec import Metrics
from profguard.errors import ConfigError
from profguard.findings.store import Store
from profguard.findings.writer import WriterStatus
from profguard.keeping import Keeping
from profguard.reload import Reloader
from profguard.rules import pack
from profguard.sensor.live import Count, Sensor

HOSTILE = 'x"} 1\n# HELP profguard_evil \\ \udcff\u202e{a="'


@pytest.fixture
def keeping(tmp_path):
    store = Store(tmp_path / "profguard.db")
    kept = Keeping(Config(), pack.rule_set([]), store, alerts=False, on_trouble=pytest.fail)
    yield kept
    kept.close()


@pytest.fixture
def sources(tmp_path, keeping):
    (tmp_path / "rules").mkdir()
    path = tmp_path / "rules" / "one.yml"
    path.write_text(
        "title: One\nlogsource: {product: linux, service: profguard, category: ptrace}\n"
        "detection: {selection: {ptrace.ret: 0}, condition: selection}\n"
    )
    reloader = Reloader([path], lambda: pack.load([path]), lambda _: None)
    reloader.first()
    sensor = Sensor()
    sensor.counts["prof"] = Count(produced=12, dropped=2, received=10)
    return metrics.Sources(sensor, keeping, reloader, Store(tmp_path / "profguard.db"))


@pytest.fixture
def scrape(sources):
    """What a scrape gives: value by name and labels. Keywords replace sources."""

    def scrape(**replaced):
        values = {name: getattr(sources, name) for name in sources.__slots__}
        listener = socket.create_server(("127.0.0.1", 0))
        url = "http://{}:{}/metrics".format(*listener.getsockname())
        with metrics.serving(listener, metrics.Sources(**values | replaced)):
            text = urllib.request.urlopen(url, timeout=10).read().decode()
        families = list(text_string_to_metric_families(text))
        return {
            (sample.name, tuple(sample.labels.values())): sample.value
            for family in families
            for sample in family.samples
        }

    return scrape


def test_every_figure_is_there(scrape, keeping, make_finding, change):
    keeping.changes([change("opened", make_finding(1)), change("repeated", make_finding(1))])
    keeping.changes([change("opened", make_finding(2))])
    found = scrape(rule_errors=lambda: {"slow": 3}, forgotten=lambda: {"many": 7})
    expected = {
        ("events_received_total", ("prof",)): 10,
        ("events_lost_total", ("prof", "buffer_full")): 2,
        ("rules_in_force", ()): 1,
        ("rule_loads_total", ("in_force",)): 1,
        ("rule_loads_total", ("refused",)): 0,
        ("rules_refused", ()): 0,
        ("rule_errors_total", ("slow",)): 3,
        ("correlation_groups_forgotten_total", ("many",)): 7,
        ("findings_opened_total", ("high", "ptrace-attach")): 2,
    }
    assert {key: found.get((f"profguard_{key[0]}", key[1])) for key in expected} == expected
    loaded_s = found["profguard_rules_last_good_load_timestamp_seconds", ()]
    assert 0 <= time.time() - loaded_s < 60
    assert found["process_resident_memory_bytes", ()] > 1e6
    assert ("profguard_store_backlog_rows", ()) in found


def test_names_follow_the_conventions(sources):
    """A counter ends in _total, everything else tells its unit or nothing, all say what it is."""
    for family in metrics.Figures(sources).collect():
        assert family.name.startswith("profguard_")
        assert family.documentation.endswith(".")
        assert all(
            sample.name.endswith("_total") == (family.type == "counter")
            for sample in family.samples
        )


def test_hostile_names_break_nothing(scrape):
    """Two that look alike once they are printable are one: else all would be refused."""
    alike = HOSTILE.replace("\n", "\\n")
    errors = {HOSTILE: 1, alike: 2, "plain": 4}
    status = WriterStatus(0, 0, {HOSTILE: 5}, {}, None)
    keeping = SimpleNamespace(writer_status=status, opened={(HOSTILE, "high"): 6})
    found = scrape(rule_errors=lambda: errors, keeping=keeping)
    mine = {name[0]: name[1] for name in found if "evil" in str(name)}
    assert "profguard_evil" not in {name for name, _ in found}
    assert set(mine) == {
        "profguard_rule_errors_total",
        "profguard_store_rows_dropped_total",
        "profguard_findings_opened_total",
    }
    assert found["profguard_rule_errors_total", ("plain",)] == 4
    assert found["profguard_rule_errors_total", mine["profguard_rule_errors_total"]] in (1, 3)


def test_a_database_that_is_gone_takes_only_its_figures_along(scrape, tmp_path):
    (tmp_path / "profguard.db").rename(tmp_path / "elsewhere.db")
    found = scrape()
    assert ("profguard_rules_in_force", ()) in found
    assert not [name for name, _ in found if name == "profguard_alerts"]
    (tmp_path / "elsewhere.db").rename(tmp_path / "profguard.db")


def test_without_an_address_nothing_is_served():
    assert metrics.listen(Config()) is None


@pytest.mark.parametrize(
    "address", ["127.0.0.1:{}", "localhost:{}", "[::1]:{}"], ids=["IPv4", "name", "IPv6"]
)
def test_it_listens_where_the_configuration_says(address):
    with closing(socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True)) as one:
        port = one.getsockname()[1]
    with closing(metrics.listen(Config(metrics=Metrics(address=address.format(port))))) as listener:
        assert listener.getsockname()[1] == port


def test_an_address_in_use_is_a_mistake_with_its_place(tmp_path):
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        text = f'[metrics]\naddress = "127.0.0.1:{port}"\n'
        with pytest.raises(ConfigError) as caught:
            metrics.listen(parse(text, tmp_path / "x.toml"))
    (problem,) = caught.value.problems
    assert (problem.code, problem.place.line, problem.place.column) == ("PG206", 2, 1)
    assert "Address already in use" in problem.message


@pytest.mark.parametrize(
    "address",
    ["9464", ":9464", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "http://x:1", "a b:1"],
)
def test_a_malformed_address_is_a_mistake_with_its_place(tmp_path, address):
    with pytest.raises(ConfigError) as caught:
        parse(f"[metrics]\naddress = '{address}'\n", tmp_path / "x.toml")
    (problem,) = caught.value.problems
    assert (problem.code, problem.place.line, problem.place.column) == ("PG204", 2, 11)
    assert "127.0.0.1:9464" in problem.message


def test_a_name_without_address_is_a_mistake(tmp_path):
    with pytest.raises(ConfigError) as caught:
        metrics.listen(parse('[metrics]\naddress = "no.such.host.invalid:1"\n', tmp_path / "x"))
    assert caught.value.problems[0].code == "PG206"


def test_a_client_that_says_nothing_keeps_no_other_waiting(sources):
    listener = socket.create_server(("127.0.0.1", 0))
    url = "http://{}:{}/metrics".format(*listener.getsockname())
    with metrics.serving(listener, sources):
        silent = socket.create_connection(listener.getsockname())
        assert urllib.request.urlopen(url, timeout=5).status == 200
        silent.close()


def test_it_can_end_before_it_has_begun(sources):
    """A run may end while what serves is still being imported."""
    listener = socket.create_server(("127.0.0.1", 0))
    address = listener.getsockname()
    with metrics.serving(listener, sources):
        pass
    with pytest.raises(OSError):
        socket.create_connection(address, timeout=1)


def test_every_figure_is_on_the_page():
    text = metrics.page()
    for figure in metrics.FIGURES:
        assert f"| `profguard_{figure.name}" in text
        assert f"| {figure.meaning} |" in text
