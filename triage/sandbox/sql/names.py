"""The names of columns that have none: Snowflake calls a computed column by its text."""

from sqlglot import exp

from triage.sandbox.sql.values import Node


def named(projection: Node) -> Node:
    """Name a computed column as Snowflake does: by its own text."""
    if isinstance(projection, exp.Alias | exp.Column | exp.Star):
        return projection
    return exp.alias_(projection, _title(projection), quoted=True)


def _title(node: Node) -> str:
    if isinstance(node, exp.JSONExtract):
        title = _title(node.this)
        for position, part in enumerate(node.args["expression"].expressions[1:]):
            if isinstance(part, exp.JSONPathSubscript):
                title += f"[{part.this}]"
            else:
                title += (":" if position == 0 else ".") + str(part.this)
        return title
    return node.name if isinstance(node, exp.Column) else node.sql(dialect="snowflake")
