"""The schema's history: named steps, each applied once, in order.

A step's DDL is frozen once it has been released; a change of the schema is a new step at the end. `tables` shows the
result, and a test compares the two.
"""

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, insert, inspect, select, text

from triage.edges.store.columns import escape, load, short_key
from triage.edges.store.tables import schema_migrations
from triage.errors import StoreError

Migration = Callable[[Connection], None]
"""A step. The database records it under the name of its function."""

_ADVISORY_LOCK = 0x7472696167650001
"""An arbitrary number that no other program should use. It makes processes that start together migrate in turn."""


def _serial(connection: Connection) -> str:
    if connection.dialect.name == "postgresql":
        return "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"
    return "INTEGER NOT NULL PRIMARY KEY"


def m0001_alerts_queue_journal(connection: Connection) -> None:
    """The first released schema."""
    serial = _serial(connection)
    for statement in (
        """CREATE TABLE alerts (
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
        )""",
        """CREATE INDEX alerts_claimable ON alerts (severity_rank DESC, created_at, id)
            WHERE due_at IS NOT NULL""",
        "CREATE INDEX alerts_state ON alerts (state, queued_at)",
        "CREATE INDEX alerts_created ON alerts (created_at, id)",
        "CREATE INDEX alerts_detection ON alerts (detection_id, created_at)",
        f"""CREATE TABLE investigations (
            id {serial},
            alert_id TEXT NOT NULL REFERENCES alerts (id),
            run_id TEXT NOT NULL,
            finished_at BIGINT NOT NULL,
            investigation TEXT NOT NULL
        )""",
        "CREATE INDEX investigations_alert ON investigations (alert_id, id)",
        f"""CREATE TABLE journal (
            id {serial},
            alert_id TEXT NOT NULL REFERENCES alerts (id),
            run_id TEXT NOT NULL,
            key TEXT NOT NULL,
            kind TEXT NOT NULL,
            schema_version INTEGER NOT NULL,
            epoch INTEGER NOT NULL,
            written_at BIGINT NOT NULL,
            payload TEXT NOT NULL,
            CONSTRAINT journal_step UNIQUE (run_id, key)
        )""",
        "CREATE INDEX journal_alert ON journal (alert_id)",
        "CREATE TABLE named_values (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL, updated_at BIGINT NOT NULL)",
        """CREATE TABLE receipts (
            key TEXT NOT NULL PRIMARY KEY,
            state TEXT NOT NULL,
            comment_id TEXT NOT NULL,
            digest TEXT NOT NULL,
            at BIGINT,
            updated_at BIGINT NOT NULL
        )""",
        "CREATE TABLE leases (name TEXT NOT NULL PRIMARY KEY, holder TEXT NOT NULL, lease_until BIGINT NOT NULL)",
    ):
        connection.execute(text(statement))


def m0002_leaders(connection: Connection) -> None:
    """A linked alert's leader has its own column, and the alert waits in the queue for the leader's verdict."""
    for statement in (
        "ALTER TABLE alerts ADD COLUMN leader TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE alerts ADD COLUMN claimed_at BIGINT",
        "ALTER TABLE alerts ADD COLUMN ended_at BIGINT",
    ):
        connection.execute(text(statement))
    linked = connection.execute(text("SELECT id, decision FROM alerts WHERE state = 'linked'")).all()
    for row in linked:
        decision = load(row.decision)
        leader = decision.get("leader") if isinstance(decision, dict) else None
        if isinstance(leader, str):
            connection.execute(
                text("UPDATE alerts SET leader = :leader WHERE id = :id"),
                {"leader": escape(short_key(leader)), "id": row.id},
            )
    for statement in (
        # Alerts whose leader is done already showed its verdict, so they need no further work.
        """UPDATE alerts SET (verdict, confidence) = (
                SELECT led.verdict, led.confidence FROM alerts AS led WHERE led.id = alerts.leader
            ) WHERE leader IN (SELECT id FROM alerts WHERE state = 'done')""",
        "UPDATE alerts SET ended_at = updated_at WHERE state IN ('done', 'skipped', 'failed')",
        "DROP INDEX alerts_claimable",
        """CREATE INDEX alerts_claimable ON alerts (severity_rank DESC, leader, created_at, id)
            WHERE due_at IS NOT NULL""",
        "CREATE INDEX alerts_ended ON alerts (ended_at, state)",
        "CREATE INDEX alerts_leader ON alerts (leader, created_at) WHERE leader <> ''",
        """CREATE INDEX alerts_unled ON alerts (leader, created_at)
            WHERE state = 'linked' AND verdict IS NULL AND queued_at IS NULL""",
    ):
        connection.execute(text(statement))


def m0003_spend(connection: Connection) -> None:
    """What model calls cost."""
    for statement in (
        """CREATE TABLE spend (
            run_id TEXT NOT NULL,
            key TEXT NOT NULL,
            alert_id TEXT NOT NULL,
            at BIGINT NOT NULL,
            calls BIGINT NOT NULL,
            prompt BIGINT NOT NULL,
            cached BIGINT NOT NULL,
            completion BIGINT NOT NULL,
            money DOUBLE PRECISION NOT NULL,
            PRIMARY KEY (run_id, key)
        )""",
        "CREATE INDEX spend_at ON spend (at)",
        "CREATE INDEX spend_alert ON spend (alert_id)",
    ):
        connection.execute(text(statement))


def m0004_marks(connection: Connection) -> None:
    """The labels that people give to alerts."""
    for statement in (
        """CREATE TABLE marks (
            alert_id TEXT NOT NULL PRIMARY KEY REFERENCES alerts (id),
            label TEXT NOT NULL,
            note TEXT NOT NULL,
            said_by TEXT NOT NULL,
            at BIGINT NOT NULL
        )""",
        "CREATE INDEX marks_at ON marks (at)",
    ):
        connection.execute(text(statement))


def m0005_second_looks(connection: Connection) -> None:
    """An alert that is done may be due to be looked at again."""
    for statement in (
        "ALTER TABLE alerts ADD COLUMN looks INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE alerts ADD COLUMN look_at BIGINT",
        "ALTER TABLE alerts ADD COLUMN look_by BIGINT",
        "CREATE INDEX alerts_look ON alerts (look_at) WHERE look_at IS NOT NULL",
    ):
        connection.execute(text(statement))


def m0006_cases(connection: Connection) -> None:
    """What alerts can be linked by. Alerts investigated before have nothing stored, and join no case."""
    for statement in (
        """CREATE TABLE case_keys (
            alert_id TEXT NOT NULL REFERENCES alerts (id),
            kind TEXT NOT NULL,
            value TEXT NOT NULL,
            first_at BIGINT NOT NULL,
            last_at BIGINT NOT NULL,
            log_type TEXT NOT NULL,
            PRIMARY KEY (alert_id, kind, value)
        )""",
        "CREATE INDEX case_keys_value ON case_keys (value, last_at)",
        "CREATE INDEX case_keys_last ON case_keys (last_at, alert_id)",
    ):
        connection.execute(text(statement))


def m0007_lost_comments(connection: Connection) -> None:
    """A comment whose answer was lost is looked for again; before, its alert was left as it was."""
    for statement in (
        "CREATE INDEX receipts_unanswered ON receipts (key) WHERE state = 'unknown'",
        """UPDATE alerts SET due_at = 0 WHERE state = 'done' AND due_at IS NULL AND id IN (
            SELECT substr(key, 9) FROM receipts WHERE state = 'unknown' AND key LIKE 'comment:%'
        )""",
    ):
        connection.execute(text(statement))


def m0008_deaths(connection: Connection) -> None:
    """How often in a row a process died while it worked on an alert, apart from the tries that ended with an error."""
    connection.execute(text("ALTER TABLE alerts ADD COLUMN deaths INTEGER NOT NULL DEFAULT 0"))


def m0009_packed(connection: Connection) -> None:
    """Long JSON is compressed from here on; what was stored before is read as it is. SQLite needs no other type."""
    if connection.dialect.name == "postgresql":
        for table, column in (("journal", "payload"), ("investigations", "investigation")):
            # Plain storage: the server need not try to compress once more.
            for change in (f"TYPE BYTEA USING convert_to({column}, 'UTF8')", "SET STORAGE EXTERNAL"):
                connection.execute(text(f"ALTER TABLE {table} ALTER COLUMN {column} {change}"))


def m0010_route_messages(connection: Connection) -> None:
    """Results that are sent on."""
    for statement in (
        """CREATE TABLE route_messages (
            key TEXT NOT NULL PRIMARY KEY,
            route TEXT NOT NULL,
            alert_id TEXT NOT NULL,
            run_id TEXT NOT NULL,
            state TEXT NOT NULL,
            title TEXT NOT NULL,
            body TEXT NOT NULL,
            verdict TEXT NOT NULL,
            link TEXT NOT NULL,
            digest TEXT NOT NULL,
            gist TEXT NOT NULL,
            created_at BIGINT NOT NULL,
            due_at BIGINT,
            attempts INTEGER NOT NULL,
            error TEXT NOT NULL,
            capped INTEGER NOT NULL,
            reference TEXT NOT NULL,
            sent_at BIGINT,
            updated_at BIGINT NOT NULL
        )""",
        "CREATE INDEX route_messages_state ON route_messages (state, route)",
        "CREATE INDEX route_messages_sent ON route_messages (route, sent_at)",
        "CREATE INDEX route_messages_alert ON route_messages (alert_id)",
    ):
        connection.execute(text(statement))


def m0011_briefs(connection: Connection) -> None:
    """What lists and sums need of an investigation. Those of before have none: to read them all could take minutes."""
    connection.execute(
        text("CREATE TABLE briefs (alert_id TEXT NOT NULL PRIMARY KEY REFERENCES alerts (id), brief TEXT NOT NULL)")
    )


MIGRATIONS: tuple[Migration, ...] = (
    m0001_alerts_queue_journal,
    m0002_leaders,
    m0003_spend,
    m0004_marks,
    m0005_second_looks,
    m0006_cases,
    m0007_lost_comments,
    m0008_deaths,
    m0009_packed,
    m0010_route_messages,
    m0011_briefs,
)


def pending(connection: Connection, migrations: Sequence[Migration] = MIGRATIONS) -> tuple[Migration, ...]:
    """The steps still to be applied. Raises StoreError if the database has steps that this version does not know."""
    if not inspect(connection).has_table(schema_migrations.name):
        return tuple(migrations)
    applied = set(connection.scalars(select(schema_migrations.c.name)))
    if unknown := sorted(applied - {migration.__name__ for migration in migrations}):
        raise StoreError(
            f"the state database was made by a newer version of this program (it has {', '.join(unknown)}): "
            "update this one, or name another database in store.url"
        )
    return tuple(migration for migration in migrations if migration.__name__ not in applied)


def migrate(connection: Connection, migrations: Sequence[Migration] = MIGRATIONS) -> tuple[str, ...]:
    """Apply the missing steps in the caller's transaction and return their names. Raises StoreError."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})"))
    connection.execute(
        text("""CREATE TABLE IF NOT EXISTS schema_migrations (
            name TEXT NOT NULL PRIMARY KEY,
            applied_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
        )""")
    )
    missing = pending(connection, migrations)
    for migration in missing:
        migration(connection)
        connection.execute(insert(schema_migrations).values(name=migration.__name__))
    return tuple(migration.__name__ for migration in missing)
