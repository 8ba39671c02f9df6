PRAGMA application_id = 1886547814;
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE events (  -- all events, where recording is on
  time TEXT NOT NULL,  -- time of the event
  time_ns INTEGER NOT NULL,  -- the same in ns since 1970
  name TEXT NOT NULL,  -- name of the event
  actor_pid INTEGER,  -- process that caused it
  target_pid INTEGER,  -- process it was done to
  event TEXT NOT NULL  -- the event whole, JSON
);
CREATE TABLE finding_events (  -- the evidence: the first events of a finding, those that escalated it, and its end
  finding_id TEXT NOT NULL REFERENCES findings(id) ON DELETE CASCADE,  -- the finding
  kind TEXT NOT NULL,  -- opened, escalated, repeated, continued or ended
  position INTEGER NOT NULL,  -- the finding's count when it came
  time TEXT NOT NULL,  -- time of the event
  time_ns INTEGER NOT NULL,  -- the same in ns since 1970
  name TEXT NOT NULL,  -- name of the event
  event TEXT NOT NULL,  -- the event whole, JSON
  PRIMARY KEY (finding_id, kind, position)
);
INSERT INTO "finding_events" VALUES('0197a5c0-0000-7000-8000-000000000007','opened',1,'2027-01-15T08:00:07.000000000Z',1800000007000000000,'ptrace','{"type":"event","event":{"name":"ptrace","time":"2027-01-15T08:00:07.000000000Z","source":"live"},"host":{"name":"shop-1"},"process":{"pid":1007,"start_boot_ns":5000007,"name":"gdb","executable":"/usr/bin/gdb","command_line":"gdb -p 42","user":{"id":1000,"name":"ann"}},"target":{"pid":42,"start_boot_ns":4000000,"name":"shop","executable":"/srv/shop","user":{"id":33},"labels":["production"]},"relation":"cross-uid","ptrace":{"request":"PTRACE_ATTACH","pid":42,"ret":0,"session":null,"duration_ns":null}}');
CREATE TABLE finding_rules (  -- every rule that matched a finding
  finding_id TEXT NOT NULL REFERENCES findings(id) ON DELETE CASCADE,  -- the finding
  rule_id TEXT NOT NULL,  -- the rule
  position INTEGER NOT NULL,  -- 0 for the rule that names the finding
  PRIMARY KEY (finding_id, rule_id)
);
INSERT INTO "finding_rules" VALUES('0197a5c0-0000-7000-8000-000000000007','ptrace-attach',0);
CREATE TABLE findings (  -- one act that a rule objects to
  id TEXT PRIMARY KEY NOT NULL,  -- UUIDv7, made from the time of its first event
  rule_id TEXT NOT NULL,  -- the rule that names it; all are in finding_rules
  rule_title TEXT NOT NULL,  -- title of that rule
  level TEXT NOT NULL,  -- informational, low, medium, high or critical
  message TEXT NOT NULL,  -- one sentence, secrets redacted
  host TEXT,  -- name of the host
  first_seen TEXT NOT NULL,  -- time of the first event
  last_seen TEXT NOT NULL,  -- time of the latest event
  first_seen_ns INTEGER NOT NULL,  -- the same in ns since 1970
  last_seen_ns INTEGER NOT NULL,  -- the same in ns since 1970
  count INTEGER NOT NULL,  -- matches folded into this finding
  mechanism TEXT,  -- how: perf, itimer, ptrace, ...
  session TEXT,  -- session of profiling it belongs to
  started TEXT,  -- when the act began
  ended TEXT,  -- when it ended; null while it goes on, or where it has no end
  duration_ns INTEGER,  -- for how long it went on
  tainted INTEGER NOT NULL,  -- 1 where events were lost meanwhile
  relation TEXT,  -- between the two: self, child, cross-uid, ...
  actor_pid INTEGER,  -- who did it: process id
  actor_start_boot_ns INTEGER,  -- who did it: start in ns since boot; with the pid its identity
  actor_name TEXT,  -- who did it: comm, which the process can choose
  actor_executable TEXT,  -- who did it: path of the executable
  actor_command_line TEXT,  -- who did it: arguments, secrets redacted
  actor_user TEXT,  -- who did it: user name, or the user id where it has no name
  actor_container_id TEXT,  -- who did it: container
  actor_unit TEXT,  -- who did it: systemd unit
  actor_labels TEXT,  -- who did it: labels, a JSON array
  target_pid INTEGER,  -- to whom: process id
  target_start_boot_ns INTEGER,  -- to whom: start in ns since boot; with the pid its identity
  target_name TEXT,  -- to whom: comm, which the process can choose
  target_executable TEXT,  -- to whom: path of the executable
  target_command_line TEXT,  -- to whom: arguments, secrets redacted
  target_user TEXT,  -- to whom: user name, or the user id where it has no name
  target_container_id TEXT,  -- to whom: container
  target_unit TEXT,  -- to whom: systemd unit
  target_labels TEXT,  -- to whom: labels, a JSON array
  tags TEXT NOT NULL,  -- tags of the rule (ATT&CK), a JSON array
  event TEXT NOT NULL  -- the event that showed it, whole, JSON
);
INSERT INTO "findings" VALUES('0197a5c0-0000-7000-8000-000000000007','ptrace-attach','Debugger attached to a production process','high','/usr/bin/gdb took control of /srv/shop (7)','shop-1','2027-01-15T08:00:07.000000000Z','2027-01-15T08:00:07.000000000Z',1800000007000000000,1800000007000000000,1,'ptrace',NULL,'2027-01-15T08:00:07.000000000Z',NULL,NULL,0,'cross-uid',1007,5000007,'gdb','/usr/bin/gdb','gdb -p 42','ann',NULL,NULL,NULL,42,4000000,'shop','/srv/shop',NULL,'33',NULL,NULL,'["production"]','["attack.t1055.008"]','{"type":"event","event":{"name":"ptrace","time":"2027-01-15T08:00:07.000000000Z","source":"live"},"host":{"name":"shop-1"},"process":{"pid":1007,"start_boot_ns":5000007,"name":"gdb","executable":"/usr/bin/gdb","command_line":"gdb -p 42","user":{"id":1000,"name":"ann"}},"target":{"pid":42,"start_boot_ns":4000000,"name":"shop","executable":"/srv/shop","user":{"id":33},"labels":["production"]},"relation":"cross-uid","ptrace":{"request":"PTRACE_ATTACH","pid":42,"ret":0,"session":null,"duration_ns":null}}');
CREATE TABLE losses (  -- events that the kernel had no room for
  time TEXT NOT NULL,  -- when the loss was noticed
  time_ns INTEGER NOT NULL,  -- the same in ns since 1970
  cpu INTEGER,  -- CPU it happened on
  event TEXT,  -- name of the event
  count INTEGER NOT NULL  -- events lost
);
INSERT INTO "losses" VALUES('2027-01-15T08:00:00.000000000Z',1800000000000000000,0,'prof',3);
CREATE TABLE outbox (  -- alerts: one row for each finding and destination, kept after delivery
  id INTEGER PRIMARY KEY AUTOINCREMENT,  -- the order of sending
  webhook_id TEXT NOT NULL UNIQUE,  -- message id, the same at every attempt
  finding_id TEXT NOT NULL,  -- the finding
  destination TEXT NOT NULL,  -- name of the destination
  state TEXT NOT NULL,  -- pending, delivered or dead
  payload TEXT NOT NULL,  -- what is sent, as it was when the finding was made
  created TEXT NOT NULL,  -- when it was queued
  attempts INTEGER NOT NULL DEFAULT 0,  -- times it was tried
  next_attempt_ns INTEGER NOT NULL DEFAULT 0,  -- not before, ns since 1970
  last_error TEXT,  -- why the last attempt failed
  delivered TEXT  -- when the destination accepted it
);
INSERT INTO "outbox" VALUES(1,'msg_0197a5c0-0000-7000-8000-000000000007','0197a5c0-0000-7000-8000-000000000007','oncall','pending','{}','2027-01-15T08:00:00Z',0,0,NULL,NULL);
CREATE TABLE rules (  -- the rules in force when they were last loaded
  id TEXT PRIMARY KEY NOT NULL,  -- id of the rule
  title TEXT NOT NULL,  -- title
  level TEXT NOT NULL,  -- level
  path TEXT,  -- file it was read from
  sha256 TEXT  -- digest of that file
);
INSERT INTO "rules" VALUES('ptrace-attach','Debugger attached','high','a.yml','00');
CREATE TABLE sensor_runs (  -- each run of the sensor
  id TEXT PRIMARY KEY NOT NULL,  -- id of the run
  started TEXT NOT NULL,  -- when the probes were live
  stopped TEXT,  -- when it stopped; null while it runs, or where it was killed
  version TEXT NOT NULL,  -- version of profguard
  kernel TEXT,  -- release of the kernel
  reason TEXT,  -- why it stopped: asked to, or failed
  received INTEGER,  -- events received
  dropped INTEGER  -- events lost on the way from the kernel
);
INSERT INTO "sensor_runs" VALUES('run-1','2027-01-15T08:00:00.000000000Z',NULL,'0.1.0','6.1.0',NULL,NULL,NULL);
CREATE INDEX "idx_findings_last_seen_ns"
    ON "findings" ("last_seen_ns");
CREATE INDEX "idx_findings_rule_id"
    ON "findings" ("rule_id");
CREATE INDEX "idx_events_time_ns"
    ON "events" ("time_ns");
CREATE INDEX "idx_outbox_destination_state_id"
    ON "outbox" ("destination", "state", "id");
CREATE INDEX "idx_outbox_finding_id"
    ON "outbox" ("finding_id");
CREATE INDEX "idx_losses_time_ns"
    ON "losses" ("time_ns");
CREATE VIEW "open_acts" AS SELECT id, started, level, rule_title, mechanism,
actor_pid, actor_executable, actor_user, target_pid, target_executable
FROM findings
WHERE session IS NOT NULL AND ended IS NULL
AND first_seen >= coalesce((SELECT max(started) FROM sensor_runs), '')
ORDER BY started;
CREATE VIEW "findings_by_rule" AS SELECT rule_id, rule_title, level, count(*) AS findings, sum(count) AS matches,
min(first_seen) AS first_seen, max(last_seen) AS last_seen
FROM findings
GROUP BY rule_id
ORDER BY findings DESC, rule_id;
CREATE VIEW "findings_by_actor" AS SELECT actor_executable, actor_user, count(*) AS findings, sum(count) AS matches,
count(DISTINCT target_executable) AS targets, max(last_seen) AS last_seen
FROM findings
GROUP BY actor_executable, actor_user
ORDER BY findings DESC, actor_executable;
CREATE VIEW "findings_by_target" AS SELECT target_executable, count(*) AS findings, sum(count) AS matches,
count(DISTINCT actor_executable) AS actors, max(last_seen) AS last_seen
FROM findings
GROUP BY target_executable
ORDER BY findings DESC, target_executable;
CREATE VIEW "findings_by_day" AS SELECT substr(first_seen, 1, 10) AS day, level,
count(*) AS findings, sum(count) AS matches
FROM findings
GROUP BY day, level
ORDER BY day DESC, level;
CREATE VIEW "finding_labels" AS SELECT findings.id AS finding_id, 'actor' AS role, value AS label
FROM findings, json_each(findings.actor_labels)
UNION ALL
SELECT findings.id, 'target', value
FROM findings, json_each(findings.target_labels);
CREATE VIEW "undelivered_alerts" AS SELECT outbox.id, destination, state, attempts, last_error, created,
finding_id, rule_title, level
FROM outbox LEFT JOIN findings ON findings.id = outbox.finding_id
WHERE state <> 'delivered'
ORDER BY outbox.id;
CREATE VIEW "loss_totals" AS SELECT event, sum(count) AS lost, min(time) AS first, max(time) AS last
FROM losses
GROUP BY event;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('outbox',1);
COMMIT;
