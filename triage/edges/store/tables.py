"""The tables as the program uses them today; `migrations` makes them."""

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)

from triage.edges.store.columns import Escaped, Instant, Key, Packed

metadata = MetaData()

alerts = Table(
    "alerts",
    metadata,
    Column("id", Key, primary_key=True),
    Column("detection_id", Key, nullable=False),
    Column("severity_rank", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    # When Panther last changed the content: its `updated_at`, or `created_at` where it gave none.
    Column("content_at", Instant, nullable=False),
    Column("state", Text, nullable=False),
    Column("decision", Text, nullable=False),
    Column("run_number", Integer, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("worker", Escaped, nullable=False),
    # From when on the alert may be claimed: `AT_ONCE`, the next attempt, or, while it is running, the end of its lease.
    # Null where it is not in the queue.
    Column("due_at", Instant),
    Column("queued_at", Instant),
    Column("error", Escaped, nullable=False),
    Column("verdict", Text),
    Column("confidence", Double),
    Column("seconds", Double),
    Column("seen_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("alert", Text, nullable=False),
    # Whose verdict the alert takes; empty where it is investigated itself.
    Column("leader", Key, nullable=False, server_default=""),
    Column("claimed_at", Instant),
    # When it was last done, linked to a verdict, skipped, or given up; null before.
    Column("ended_at", Instant),
    # How often it has been looked at again, and when that is due once more, by the clock of `due_at`; null: not planned.
    Column("looks", Integer, nullable=False, server_default="0"),
    Column("look_at", Instant),
    # The latest time to which further changes of the alert can put that off.
    Column("look_by", Instant),
    # How many claims in a row ended with their process and had journalled nothing new.
    Column("deaths", Integer, nullable=False, server_default="0"),
)
Index(
    "alerts_claimable",
    alerts.c.severity_rank.desc(),
    # The empty leader sorts first, so that an investigation never waits behind a pointer.
    alerts.c.leader,
    alerts.c.created_at,
    alerts.c.id,
    sqlite_where=text("due_at IS NOT NULL"),
    postgresql_where=text("due_at IS NOT NULL"),
)
Index("alerts_state", alerts.c.state, alerts.c.queued_at)
Index("alerts_created", alerts.c.created_at, alerts.c.id)
Index("alerts_detection", alerts.c.detection_id, alerts.c.created_at)
Index("alerts_ended", alerts.c.ended_at, alerts.c.state)
Index(
    "alerts_leader",
    alerts.c.leader,
    alerts.c.created_at,
    sqlite_where=text("leader <> ''"),
    postgresql_where=text("leader <> ''"),
)
Index(
    "alerts_look",
    alerts.c.look_at,
    sqlite_where=text("look_at IS NOT NULL"),
    postgresql_where=text("look_at IS NOT NULL"),
)
# Linked alerts without a verdict whose leader is not done; written as the queries write it, so that SQLite sees it.
UNLED = text("state = 'linked' AND verdict IS NULL AND queued_at IS NULL")
Index("alerts_unled", alerts.c.leader, alerts.c.created_at, sqlite_where=UNLED, postgresql_where=UNLED)

investigations = Table(
    "investigations",
    metadata,
    Column("id", BigInteger().with_variant(Integer(), "sqlite"), Identity(always=True), primary_key=True),
    Column("alert_id", Key, ForeignKey("alerts.id"), nullable=False),
    Column("run_id", Text, nullable=False),
    Column("finished_at", Instant, nullable=False),
    Column("investigation", Packed, nullable=False),
)
Index("investigations_alert", investigations.c.alert_id, investigations.c.id)

# The newest investigation of each alert in short; apart from it, since a row of megabytes is read to its last column.
# An investigation of an older version has none, and is read instead.
briefs = Table(
    "briefs",
    metadata,
    Column("alert_id", Key, ForeignKey("alerts.id"), primary_key=True),
    Column("brief", Text, nullable=False),
)

journal = Table(
    "journal",
    metadata,
    Column("id", BigInteger().with_variant(Integer(), "sqlite"), Identity(always=True), primary_key=True),
    Column("alert_id", Key, ForeignKey("alerts.id"), nullable=False),
    Column("run_id", Text, nullable=False),
    Column("key", Key, nullable=False),
    Column("kind", Escaped, nullable=False),
    Column("schema_version", Integer, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("written_at", Instant, nullable=False),
    Column("payload", Packed, nullable=False),
    UniqueConstraint("run_id", "key", name="journal_step"),
)
Index("journal_alert", journal.c.alert_id)

named_values = Table(
    "named_values",
    metadata,
    Column("name", Key, primary_key=True),
    Column("value", Text, nullable=False),
    Column("updated_at", Instant, nullable=False),
)

receipts = Table(
    "receipts",
    metadata,
    Column("key", Key, primary_key=True),
    Column("state", Text, nullable=False),
    Column("comment_id", Escaped, nullable=False),
    Column("digest", Escaped, nullable=False),
    Column("at", Instant),
    Column("updated_at", Instant, nullable=False),
)
# Writes whose answer was lost; written as the query writes it, so that SQLite sees it.
UNANSWERED = text("receipts.state = 'unknown'")
Index(
    "receipts_unanswered",
    receipts.c.key,
    sqlite_where=text("state = 'unknown'"),
    postgresql_where=text("state = 'unknown'"),
)

# Results that are sent on, one for each route; `ports.routes` says what the columns hold.
route_messages = Table(
    "route_messages",
    metadata,
    Column("key", Key, primary_key=True),
    Column("route", Text, nullable=False),
    Column("alert_id", Key, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("title", Escaped, nullable=False),
    Column("body", Escaped, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("link", Escaped, nullable=False),
    Column("digest", Text, nullable=False),
    Column("gist", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    # Null: at once.
    Column("due_at", Instant),
    Column("attempts", Integer, nullable=False),
    Column("error", Escaped, nullable=False),
    Column("capped", Integer, nullable=False),
    Column("reference", Escaped, nullable=False),
    Column("sent_at", Instant),
    Column("updated_at", Instant, nullable=False),
)
Index("route_messages_state", route_messages.c.state, route_messages.c.route)
Index("route_messages_sent", route_messages.c.route, route_messages.c.sent_at)
Index("route_messages_alert", route_messages.c.alert_id)

leases = Table(
    "leases",
    metadata,
    Column("name", Key, primary_key=True),
    Column("holder", Escaped, nullable=False),
    Column("lease_until", Instant, nullable=False),
)

spend = Table(
    "spend",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("key", Key, primary_key=True),
    # Empty where it sums up what belonged to alerts that retention has deleted.
    Column("alert_id", Key, nullable=False),
    Column("at", Instant, nullable=False),
    Column("calls", BigInteger, nullable=False),
    Column("prompt", BigInteger, nullable=False),
    Column("cached", BigInteger, nullable=False),
    Column("completion", BigInteger, nullable=False),
    Column("money", Double, nullable=False),
)
Index("spend_at", spend.c.at)
Index("spend_alert", spend.c.alert_id)

marks = Table(
    "marks",
    metadata,
    Column("alert_id", Key, ForeignKey("alerts.id"), primary_key=True),
    Column("label", Text, nullable=False),
    Column("note", Escaped, nullable=False),
    Column("said_by", Escaped, nullable=False),
    Column("at", Instant, nullable=False),
)
Index("marks_at", marks.c.at)

schema_migrations = Table(
    "schema_migrations",
    metadata,
    Column("name", Text, primary_key=True),
    Column("applied_at", Text, nullable=False, server_default=func.current_timestamp()),
)

# What each alert's investigation found that other alerts can be linked by.
case_keys = Table(
    "case_keys",
    metadata,
    Column("alert_id", Key, ForeignKey("alerts.id"), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("value", Key, primary_key=True),
    Column("first_at", Instant, nullable=False),
    Column("last_at", Instant, nullable=False),
    Column("log_type", Escaped, nullable=False),
)
Index("case_keys_value", case_keys.c.value, case_keys.c.last_at)
Index("case_keys_last", case_keys.c.last_at, case_keys.c.alert_id)
