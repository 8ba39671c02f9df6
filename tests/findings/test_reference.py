"""The page about the database: its queries answer on a database that the writer has filled."""

import pytest

from profguard.findings.reference import EXAMPLES, page
from profguard.findings.store import Store
from profguard.findings.tables import TABLES
from profguard.findings.views import VIEWS
from profguard.findings.writer import Writer

BY_QUESTION = pytest.mark.parametrize(
    ("question", "query"), EXAMPLES, ids=[question for question, _ in EXAMPLES]
)


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    return Store(tmp_path_factory.mktemp("reference") / "profguard.db")


@BY_QUESTION
def test_each_query_runs(database, question, query):
    connection = database.connect()
    try:
        assert connection.execute(query).description
    finally:
        connection.close()


def test_production_is_found_by_its_label(tmp_path, change, make_finding):
    """The query about production has a row for a finding whose target has that label."""
    store = Store(tmp_path / "profguard.db")
    finding = make_finding(7)
    finding.event.target.labels = ("production",)
    finding.duration_ns = 1_500_000_000
    writer = Writer(store)
    writer.submit([change("opened", finding, finding.event)])
    writer.close()
    query = next(query for question, query in EXAMPLES if "production" in question)
    connection = store.connect()
    (row,) = connection.execute(query).fetchall()
    connection.close()
    assert row[1:4] == ("/usr/bin/gdb", "ptrace", 1.5)


def test_every_table_column_and_view_is_on_the_page():
    text = page()
    for table in TABLES:
        assert f"### {table.name}\n" in text
        assert all(f"| `{column.name}` |" in text for column in table.columns)
    assert all(f"| `{view.name}` | {view.summary} |" in text for view in VIEWS)
