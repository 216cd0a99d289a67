"""Whether a query's columns are the table's own or computed by the query: a computed one proves nothing about the log."""

import sqlglot
from sqlglot import exp

_DIALECT = "snowflake"


def selects_columns_only(sql: str) -> bool:
    """Whether every output column is a column of the one table read, under its own name.

    Args:
        sql: A statement that the SQL guard has written.
    """
    tree = sqlglot.parse_one(sql, dialect=_DIALECT)
    if not isinstance(tree, exp.Select) or tree.args.get("with_") is not None or tree.args.get("with") is not None:
        return False
    if len(list(tree.find_all(exp.Select))) != 1 or tree.args.get("group") is not None:
        return False
    return all(_is_column_itself(projection) for projection in tree.expressions)


def spoofed_column(sql: str) -> str:
    """The first computed column named like one of Panther's own (`p_…`); empty if there is none."""
    tree = sqlglot.parse_one(sql, dialect=_DIALECT)
    for alias in tree.find_all(exp.Alias):
        name = alias.alias
        if name.lower().startswith("p_") and not (
            isinstance(alias.this, exp.Column) and _same_name(alias.this.name, name)
        ):
            return name
    for names in tree.find_all(exp.TableAlias):
        for column in names.args.get("columns") or ():
            if column.name.lower().startswith("p_"):
                return str(column.name)
    return ""


def _is_column_itself(projection: exp.Expression) -> bool:
    if isinstance(projection, exp.Star):
        return not (projection.args.get("replace") or projection.args.get("rename"))
    if isinstance(projection, exp.Alias):
        return isinstance(projection.this, exp.Column) and _same_name(projection.this.name, projection.alias)
    return isinstance(projection, exp.Column)


def _same_name(one: str, other: str) -> bool:
    return one.lower() == other.lower()
