"""Names of tables and columns, as Snowflake resolves them."""

from dataclasses import dataclass

from sqlglot import exp

from triage.domain.sql.policy import SqlPolicy
from triage.domain.sql.refusal import SqlRefused
from triage.domain.sql.syntax import line_of


@dataclass(frozen=True, slots=True)
class Base:
    """A table of the lake."""

    name: str
    """Fully qualified, lower case."""
    panther: bool
    """One of Panther's own; else one of a schema that the operator added."""
    bounded: bool
    """It needs a time bound."""


def resolve(identifier: exp.Expr | None) -> str:
    """The name that Snowflake sees: upper case unless it is quoted."""
    if not isinstance(identifier, exp.Identifier):
        return ""
    return str(identifier.this) if identifier.args.get("quoted") else str(identifier.this).upper()


def base_table(table: exp.Table, policy: SqlPolicy) -> Base:
    """Check a table's name against the policy. Raises SqlRefused."""
    parts = [table.args.get("catalog"), table.args.get("db"), table.this]
    written = ".".join(part.name for part in parts if isinstance(part, exp.Expr))
    if not all(type(part) is exp.Identifier for part in parts):
        raise SqlRefused(
            f"{written[:120]} is no CTE and no full table name; write database.schema.table, such as "
            "panther_logs.public.aws_cloudtrail",
            code="schema",
            line=line_of(table),
        )
    resolved = [resolve(part) for part in parts]
    if any(name != name.upper() for name in resolved):
        raise SqlRefused(f"write {written[:120]} without quotes", code="schema", line=line_of(table))
    database, schema, name = (name.lower() for name in resolved)
    full = f"{database}.{schema}.{name}"
    panther = database in policy.databases and schema == "public"
    if not panther and f"{database}.{schema}" not in policy.extra_schemas:
        known = ", ".join(sorted([f"{found}.public" for found in policy.databases] + list(policy.extra_schemas)))
        raise SqlRefused(
            f"{full[:120]} is outside what may be read: {known}. The tables and columns are listed by the tools, not "
            "by SQL.",
            code="schema",
            line=line_of(table),
        )
    return Base(full, panther, not ({database, full} & policy.unbounded))
