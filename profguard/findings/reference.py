"""The database as a reference page: views, queries to start from, and every table."""

from profguard.findings.tables import TABLES, Table
from profguard.findings.views import VIEWS

_INTRO = """\
<!-- Generated from the tables and views by `make generate`. Do not edit. -->

# Database

Findings are in one SQLite file, `/var/lib/profguard/profguard.db` for root and `./profguard.db`
for others, or what `[store] path` and `--db` name. It may be read at any time, also while the
sensor writes: with `sqlite3`, `sqlite-utils`, Datasette or any other program.

A time is there twice: as RFC 3339 text in UTC, and with `_ns` as integer nanoseconds since 1970.
Labels, tags and events are JSON; SQLite's `json_each` and `->>` read them. Integers of 2^63 and
more are text.
"""

# Question and query; a test runs each.
EXAMPLES = (
    (
        "Who was objected to most in the last day?",
        "SELECT actor_user, actor_executable, count(*) AS findings FROM findings\n"
        "WHERE last_seen > strftime('%Y-%m-%dT%H:%M:%S', 'now', '-1 day')\n"
        "GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 10",
    ),
    (
        "What was done to production, and for how long?",
        "SELECT first_seen, actor_executable, mechanism, round(duration_ns / 1e9, 1) AS seconds,\n"
        "       target_executable, target_pid\n"
        "FROM findings JOIN finding_labels ON finding_labels.finding_id = findings.id\n"
        "WHERE role = 'target' AND label = 'production' ORDER BY first_seen",
    ),
    (
        "Which arguments did the first event of each finding have?",
        "SELECT id, event ->> '$.event.name' AS event, event -> '$.prof' AS prof FROM findings",
    ),
    (
        "Was anything lost while the sensor ran?",
        "SELECT started, stopped, received, dropped FROM sensor_runs ORDER BY started",
    ),
)


def page() -> str:
    """The text of docs/database.md."""
    parts = [_INTRO, "## Views\n", "Ready answers; `.schema NAME` shows the query of one.\n"]
    parts.append(_rows(("view", "answers"), ((f"`{v.name}`", v.summary) for v in VIEWS)))
    parts.append("## Queries to start from\n")
    parts += [f"{question}\n\n```sql\n{query}\n```\n" for question, query in EXAMPLES]
    parts.append("## Tables\n")
    parts += [_table(table) for table in TABLES]
    return "\n".join(parts)


def _table(table: Table) -> str:
    columns = ((f"`{c.name}`", c.type.split()[0], c.meaning) for c in table.columns)
    return f"### {table.name}\n\n{_sentence(table.summary)}\n\n" + _rows(
        ("column", "type", "meaning"), columns
    )


def _sentence(summary: str) -> str:
    return summary[0].upper() + summary[1:] + "."


def _rows(head, rows) -> str:
    lines = [f"| {' | '.join(cells)} |" for cells in (head, ("---",) * len(head), *rows)]
    return "\n".join(lines) + "\n"
