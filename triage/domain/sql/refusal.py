"""Why a query is not sent."""

from triage.errors import TriageError


class SqlRefused(TriageError):
    """A query is not one bounded read of an allowed table.

    The text is for whoever wrote the query, a model or a playbook's author: what is wrong, where, and what to write
    instead.
    """

    def __init__(self, message: str, *, code: str, line: int | None = None) -> None:
        """Say what is wrong.

        Args:
            message: One or two sentences, with the remedy.
            code: Short stable name of the reason, such as `unbounded`, `function`, `schema` or `multi_statement`.
            line: One-based line of the query's own text, where it is known.
        """
        super().__init__(message if line is None else f"line {line}: {message}")
        self.code = code
        self.line = line


def at(text: str, position: int, code: str, message: str) -> SqlRefused:
    """A refusal of what stands at a place of the author's text."""
    return SqlRefused(message, code=code, line=text.count("\n", 0, position) + 1)
