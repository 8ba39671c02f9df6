"""What correlations have gathered, kept from one run of the sensor to the next."""

import json
from contextlib import closing

from profguard.findings import rows
from profguard.findings.redact import Redactor
from profguard.findings.store import Store, explained
from profguard.findings.writer import Writer
from profguard.rules.correlate import memory
from profguard.rules.correlate.correlator import Correlator

AT_A_TIME = 500  # groups written at once
EVERYTHING = 1 << 30


class Recall:
    """Reads what an earlier run gathered, and hands what changes to the writer."""

    def __init__(self, store: Store, writer: Writer, redactor: Redactor):
        self._store, self._writer = store, writer
        self._mask = memory.Mask(redactor.text, redactor.event)

    def restore(self, correlator: Correlator, now_ns: int) -> None:
        """Let a correlator go on with what still counts now; forget the rest.

        Raises ValueError for rows that no sensor has written; they are forgotten too.
        """
        saved = self._saved()
        try:
            over = memory.restore(correlator, saved, now_ns)
        except ValueError:
            self._writer.write("correlation_gone", map(rows.state_key, saved))
            raise
        self._writer.write("correlation_gone", map(rows.state_key, over))

    def keep(self, correlator: Correlator, most: int = AT_A_TIME) -> None:
        """Write what has changed; nothing while the database cannot be written."""
        if self._writer.status.error:
            return  # what is gathered must not take the room of findings
        changed = memory.changes(correlator, self._mask, most)
        self._writer.write(
            "correlation_state", [rows.state_row(one) for one in changed if one.entries]
        )
        self._writer.write(
            "correlation_gone", [rows.state_key(one) for one in changed if not one.entries]
        )

    def _saved(self) -> list[memory.Saved]:
        sql = "SELECT rule_id, digest, key, newest_ns, entries FROM correlation_state"
        with explained(self._store.path), closing(self._store.connect()) as connection:
            found = connection.execute(sql).fetchall()
        return [
            memory.Saved(rule_id, digest, json.loads(key), newest_ns, json.loads(entries))
            for rule_id, digest, key, newest_ns, entries in found
        ]
