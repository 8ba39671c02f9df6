"""The views: the questions that people ask most, ready for sqlite3, sqlite-utils and Datasette."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class View:
    """One view: its name, what it answers, and its SQL. `since` is as of a table."""

    name: str
    summary: str
    sql: str
    since: int = 1


VIEWS = (
    View(
        "open_acts",
        "what is going on: acts that the latest run of the sensor saw begin and not end",
        """
        SELECT id, started, level, rule_title, mechanism,
               actor_pid, actor_executable, actor_user, target_pid, target_executable
        FROM findings
        WHERE session IS NOT NULL AND ended IS NULL
          AND first_seen >= coalesce((SELECT max(started) FROM sensor_runs), '')
        ORDER BY started
        """,
    ),
    View(
        "running_sessions",
        "what is running now, or was when the sensor wrote last",
        """
        SELECT id, started, tool, mechanism, scope, relation,
               actor_pid, actor_executable, actor_user, target_pid, target_executable, events
        FROM sessions
        WHERE state = 'running'
        ORDER BY started_ns, id
        """,
        since=4,
    ),
    View(
        "findings_by_rule",
        "how often each rule objected, loudest first",
        """
        SELECT rule_id, rule_title, level, count(*) AS findings, sum(count) AS matches,
               min(first_seen) AS first_seen, max(last_seen) AS last_seen
        FROM findings
        GROUP BY rule_id
        ORDER BY findings DESC, rule_id
        """,
    ),
    View(
        "findings_by_actor",
        "which executables of which user did what was objected to",
        """
        SELECT actor_executable, actor_user, count(*) AS findings, sum(count) AS matches,
               count(DISTINCT target_executable) AS targets, max(last_seen) AS last_seen
        FROM findings
        GROUP BY actor_executable, actor_user
        ORDER BY findings DESC, actor_executable
        """,
    ),
    View(
        "findings_by_target",
        "which executables it was done to; null for a whole CPU or cgroup",
        """
        SELECT target_executable, count(*) AS findings, sum(count) AS matches,
               count(DISTINCT actor_executable) AS actors, max(last_seen) AS last_seen
        FROM findings
        GROUP BY target_executable
        ORDER BY findings DESC, target_executable
        """,
    ),
    View(
        "findings_by_day",
        "findings a day (UTC) and level",
        """
        SELECT substr(first_seen, 1, 10) AS day, level,
               count(*) AS findings, sum(count) AS matches
        FROM findings
        GROUP BY day, level
        ORDER BY day DESC, level
        """,
    ),
    View(
        "finding_labels",
        "one row for each label of a finding's actor or target",
        """
        SELECT findings.id AS finding_id, 'actor' AS role, value AS label
        FROM findings, json_each(findings.actor_labels)
        UNION ALL
        SELECT findings.id, 'target', value
        FROM findings, json_each(findings.target_labels)
        """,
    ),
    View(
        "undelivered_alerts",
        "alerts that have not arrived, in the order of sending",
        """
        SELECT outbox.id, destination, state, attempts, last_error, created,
               finding_id, rule_title, level
        FROM outbox LEFT JOIN findings ON findings.id = outbox.finding_id
        WHERE state <> 'delivered'
        ORDER BY outbox.id
        """,
    ),
    View(
        "loss_totals",
        "events lost, by event",
        """
        SELECT event, sum(count) AS lost, min(time) AS first, max(time) AS last
        FROM losses
        GROUP BY event
        """,
    ),
)
