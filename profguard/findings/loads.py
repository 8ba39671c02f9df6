"""What the database says of the rules: those of the latest run, and whether its files are bad."""

import json
import sqlite3
from contextlib import closing
from typing import Any

from profguard.findings.store import Store, explained

_LATEST_RUN = "SELECT id, started, stopped, version FROM sensor_runs ORDER BY started DESC LIMIT 1"
_LATEST = (
    "SELECT id, time, cause, rules, errors, problems, paths FROM rule_loads"
    " WHERE run_id = ? AND state = ? ORDER BY id DESC LIMIT 1"
)
_REFUSED_SINCE = "SELECT min(time) FROM rule_loads WHERE run_id = ? AND id > ?"


def latest(store: Store) -> dict[str, Any] | None:
    """The rules of the sensor's latest run; None where there was none. Raises StoreError.

    `in_force` says how many, since when, and what was left out; `refused` since when the files as
    they are now are refused, and why, or is None.
    """
    with explained(store.path), closing(store.connect()) as connection:
        connection.row_factory = sqlite3.Row
        run = connection.execute(_LATEST_RUN).fetchone()
        if run is None:
            return None
        good = connection.execute(_LATEST, (run["id"], "in_force")).fetchone()
        bad = connection.execute(_LATEST, (run["id"], "refused")).fetchone()
        last_good = good["id"] if good else 0
        since = connection.execute(_REFUSED_SINCE, (run["id"], last_good)).fetchone()[0]
    refused = None
    if bad and bad["id"] > last_good:
        refused = {"since": since, **_errors(bad)}
    return {
        "run": {name: run[name] for name in ("started", "stopped", "version")},
        "paths": json.loads((good or bad)["paths"]) if good or bad else [],
        "in_force": good and {"rules": good["rules"], "since": good["time"], **_errors(good)},
        "refused": refused,
    }


def _errors(row: sqlite3.Row) -> dict[str, Any]:
    return {"errors": row["errors"], "problems": json.loads(row["problems"])}
