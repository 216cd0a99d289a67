-- The first released schema with one row in every table, as version 0.1.0 leaves it. Never changed: migrations are
-- tested from here. SERIAL_KEY stands for the engine's word for a numbered key.
CREATE TABLE schema_migrations (name TEXT NOT NULL PRIMARY KEY, applied_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP);
INSERT INTO schema_migrations (name) VALUES ('m0001_alerts_queue_journal');
CREATE TABLE alerts (
    id TEXT NOT NULL PRIMARY KEY,
    detection_id TEXT NOT NULL,
    severity_rank INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    content_at BIGINT NOT NULL,
    state TEXT NOT NULL,
    decision TEXT NOT NULL,
    run_number INTEGER NOT NULL,
    run_id TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    worker TEXT NOT NULL,
    due_at BIGINT,
    queued_at BIGINT,
    error TEXT NOT NULL,
    verdict TEXT,
    confidence DOUBLE PRECISION,
    seconds DOUBLE PRECISION,
    seen_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    alert TEXT NOT NULL
);
CREATE INDEX alerts_claimable ON alerts (severity_rank DESC, created_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX alerts_state ON alerts (state, queued_at);
CREATE INDEX alerts_created ON alerts (created_at, id);
CREATE INDEX alerts_detection ON alerts (detection_id, created_at);
CREATE TABLE investigations (
    id SERIAL_KEY,
    alert_id TEXT NOT NULL REFERENCES alerts (id),
    run_id TEXT NOT NULL,
    finished_at BIGINT NOT NULL,
    investigation TEXT NOT NULL
);
CREATE INDEX investigations_alert ON investigations (alert_id, id);
CREATE TABLE journal (
    id SERIAL_KEY,
    alert_id TEXT NOT NULL REFERENCES alerts (id),
    run_id TEXT NOT NULL,
    key TEXT NOT NULL,
    kind TEXT NOT NULL,
    schema_version INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    written_at BIGINT NOT NULL,
    payload TEXT NOT NULL,
    CONSTRAINT journal_step UNIQUE (run_id, key)
);
CREATE INDEX journal_alert ON journal (alert_id);
CREATE TABLE named_values (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL, updated_at BIGINT NOT NULL);
CREATE TABLE receipts (
    key TEXT NOT NULL PRIMARY KEY,
    state TEXT NOT NULL,
    comment_id TEXT NOT NULL,
    digest TEXT NOT NULL,
    at BIGINT,
    updated_at BIGINT NOT NULL
);
CREATE TABLE leases (name TEXT NOT NULL PRIMARY KEY, holder TEXT NOT NULL, lease_until BIGINT NOT NULL);
INSERT INTO alerts VALUES (
    'a', 'Standard.NewPlace', 2, 1935834600000000, 1935834600000000, 'done', '{"outcome":"selected","reason":"selected","warning":""}',
    1, 'run-1', 1, 1, '', NULL, NULL, '', 'benign', 0.75, 6.5, 1935835200000000, 1935835200000000,
    '{"id":"a","title":"A user signed in","severity":"MEDIUM","status":"OPEN","kind":"RULE","created_at":"2031-05-06T11:50:00Z","origin":{"kind":"detection","id":"Standard.NewPlace","name":"","type":"RULE"}}'
);
INSERT INTO investigations (alert_id, run_id, finished_at, investigation) VALUES (
    'a', 'run-1', 1935835207000000,
    '{"run_id":"run-1","alert_id":"a","analyst":"offline","started_at":"2031-05-06T12:00:00Z","finished_at":"2031-05-06T12:00:07Z","verdict":{"disposition":"benign","confidence":0.75,"summary":"Nothing unusual."}}'
);
INSERT INTO journal (alert_id, run_id, key, kind, schema_version, epoch, written_at, payload)
    VALUES ('a', 'run-1', 'step', 'query', 1, 1, 1935835200000000, '{"rows":[]}');
INSERT INTO named_values VALUES ('cursor', '"2031-05-06T12:00:00Z"', 1935835200000000);
INSERT INTO receipts VALUES ('comment:a', 'done', 'c1', 'd1', 1935835200000000, 1935835200000000);
INSERT INTO leases VALUES ('poller', 'host-1', 1935835200000000);
