"""What the lake knows of its columns: their kinds, and the standard columns that every Panther table has.

A recorded world holds only the fields that occurred in it. A real Panther table has every column of its schema, so a
query on a field that never occurred (`errorCode` in a quiet week) gives NULL there. The columns of common log
types are therefore listed in their files (`triage.logtypes`).
"""

from enum import Enum

from triage.logtypes import ColumnKind, log_type_of_table


class SqlKind(Enum):
    """The kind of a SQL value, as far as the translation from Snowflake needs it."""

    TEXT = "VARCHAR"
    NUMBER = "NUMBER"
    BOOLEAN = "BOOLEAN"
    MOMENT = "TIMESTAMP_NTZ"
    DATE = "DATE"
    VARIANT = "VARIANT"
    TEXTS = "ARRAY"
    """An array of texts, such as `p_any_ip_addresses`."""
    LIST = "ARRAY of values"
    UNKNOWN = ""


Columns = dict[str, SqlKind]
"""Column names in the table's own case, in order."""

INDICATORS = (
    "p_any_ip_addresses",
    "p_any_domain_names",
    "p_any_emails",
    "p_any_usernames",
    "p_any_actor_ids",
    "p_any_trace_ids",
    "p_any_aws_account_ids",
    "p_any_aws_arns",
    "p_any_aws_instance_ids",
    "p_any_aws_tags",
    "p_any_mac_addresses",
    "p_any_md5_hashes",
    "p_any_sha1_hashes",
    "p_any_sha256_hashes",
    "p_any_serial_numbers",
)
"""Panther's indicator fields (GraphQL enum `IndicatorType`)."""

STANDARD: Columns = {
    "p_event_time": SqlKind.MOMENT,
    "p_parse_time": SqlKind.MOMENT,
    "p_log_type": SqlKind.TEXT,
    "p_row_id": SqlKind.TEXT,
    "p_schema_version": SqlKind.NUMBER,
    "p_source_id": SqlKind.TEXT,
    "p_source_label": SqlKind.TEXT,
    "p_enrichment": SqlKind.VARIANT,
    "p_udm": SqlKind.VARIANT,
    **dict.fromkeys(INDICATORS, SqlKind.TEXTS),
}
"""Columns that Panther appends to every event."""

MATCH: Columns = {
    "p_alert_id": SqlKind.TEXT,
    "p_alert_creation_time": SqlKind.MOMENT,
    "p_alert_update_time": SqlKind.MOMENT,
    "p_alert_severity": SqlKind.TEXT,
    "p_alert_context": SqlKind.VARIANT,
    "p_rule_id": SqlKind.TEXT,
    "p_rule_severity": SqlKind.TEXT,
    "p_rule_tags": SqlKind.TEXTS,
    "p_rule_reports": SqlKind.VARIANT,
    "p_rule_error": SqlKind.TEXT,
}
"""Columns that Panther appends to the events in `panther_rule_matches` and to signals."""

_KINDS = {
    ColumnKind.TEXT: SqlKind.TEXT,
    ColumnKind.NUMBER: SqlKind.NUMBER,
    ColumnKind.BOOLEAN: SqlKind.BOOLEAN,
    ColumnKind.TIME: SqlKind.MOMENT,
    ColumnKind.JSON: SqlKind.VARIANT,
}


def expected(database: str, table: str) -> Columns:
    """The columns that a table has whether or not they occurred."""
    if database == "panther_signals":
        return {**STANDARD, **MATCH}
    file = log_type_of_table(table)
    known = {name: _KINDS[kind] for kind, names in file.columns.items() for name in names} if file else {}
    return {**known, **STANDARD, **MATCH} if database == "panther_rule_matches" else {**known, **STANDARD}
