"""What pySigma says that a Sigma rule matches: its SQLite backend over a table of events.

A column is a field, a row an event, NULL what is absent. SQLite has no lists: the column of a field
that is a list holds its only element.
"""

import re
import sqlite3

from sigma.backends.sqlite import sqliteBackend
from sigma.processing.pipeline import ProcessingItem, ProcessingPipeline
from sigma.processing.transformations import ValueListPlaceholderTransformation
from sigma.rule import SigmaRule

from profguard.rules.fields import environ_field, fields_of, read
from profguard.rules.interpret import texts_of

KEYWORDS = "every text of the event"
ENVIRON = "process.environ.APP"
_SEPARATOR = "\n"  # between those texts: no `.` of a regular expression takes it


def is_comparable(rule, event):
    """Whether a row can hold all that a rule (compiled by us) asks of an event."""
    lists = (read(source, event) for source in rule.fields if source.is_list)
    return all(value is None or len(value) == 1 for value in lists)


class Oracle:
    """A table of events of one name, and what is asked of it. Answers are sets of row numbers."""

    def __init__(self, event_name, events, placeholders=None):
        fields = [*fields_of(event_name).values(), environ_field("process", "APP")]
        self.database = sqlite3.connect(":memory:")
        self.database.create_function("REGEXP", 2, _regexp, deterministic=True)
        declared = [f'"{f.name}" {"INTEGER" if f.kind == "int" else "TEXT"}' for f in fields]
        self.database.execute(f'CREATE TABLE logs ({", ".join(declared)}, "{KEYWORDS}" TEXT)')
        rows = [
            [*(_stored(read(source, event)) for source in fields), _SEPARATOR.join(texts_of(event))]
            for event in events
        ]
        marks = ", ".join("?" * (len(fields) + 1))
        self.database.executemany(f"INSERT INTO logs VALUES ({marks})", rows)
        pipeline = ProcessingPipeline(
            items=[ProcessingItem(ValueListPlaceholderTransformation())], vars=placeholders or {}
        )
        self.backend = sqliteBackend(pipeline, collate_nocase=True, fulltext_field=KEYWORDS)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.database.close()

    def matches(self, rule):
        """The numbers of the rows that a rule (as data) matches. Raises what pySigma raises."""
        return self.rows(SigmaRule.from_dict(rule))

    def rows(self, rule):
        """As `matches`, of a rule that pySigma has read."""
        found = set()
        for query in self.backend.convert_rule(rule):
            rows = self.database.execute(query.replace("SELECT *", "SELECT rowid", 1))
            found |= {number - 1 for (number,) in rows}
        return found


def _stored(value):
    if isinstance(value, tuple | list):
        return value[0] if len(value) == 1 else None
    # SQLite's integers end at 2^63.
    return float(value) if isinstance(value, int) and value >= 1 << 63 else value


def _regexp(pattern, value):
    return value is not None and re.search(pattern, str(value)) is not None
