"""Whether a query's columns are the table's own, or made by the query: a made-up one is nobody's word but the query's."""

import sqlglot
from sqlglot import exp

_DIALECT = "snowflake"


def plain_columns(sql: str) -> bool:
    """Whether every output column is a column of the one table read, under its own name.

    Args:
        sql: A statement that the SQL guard has written.
    """
    tree = sqlglot.parse_one(sql, dialect=_DIALECT)
    if not isinstance(tree, exp.Select) or tree.args.get("with_") is not None or tree.args.get("with") is not None:
        return False
    if len(list(tree.find_all(exp.Select))) != 1 or tree.args.get("group") is not None:
        return False
    return all(_is_plain(projection) for projection in tree.expressions)


def spoofed_column(sql: str) -> str:
    """The first computed column that takes the name of one of Panther's own (`p_…`); empty where there is none."""
    tree = sqlglot.parse_one(sql, dialect=_DIALECT)
    for alias in tree.find_all(exp.Alias):
        name = alias.alias
        if name.lower().startswith("p_") and not (isinstance(alias.this, exp.Column) and _same(alias.this.name, name)):
            return name
    for names in tree.find_all(exp.TableAlias):
        for column in names.args.get("columns") or ():
            if column.name.lower().startswith("p_"):
                return str(column.name)
    return ""


def _is_plain(projection: exp.Expression) -> bool:
    if isinstance(projection, exp.Star):
        return not (projection.args.get("replace") or projection.args.get("rename"))
    if isinstance(projection, exp.Alias):
        return isinstance(projection.this, exp.Column) and _same(projection.this.name, projection.alias)
    return isinstance(projection, exp.Column)


def _same(one: str, other: str) -> bool:
    return one.lower() == other.lower()
