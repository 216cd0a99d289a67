"""What the embedded Panther answers when it refuses; these never leave it as exceptions."""

from triage.errors import TriageError


class QueryError(TriageError):
    """A data-lake query was refused or failed; the text is worded as Snowflake's driver words it."""

    @classmethod
    def syntax(cls, detail: str) -> "QueryError":
        """The text is not Snowflake SQL."""
        return cls(f"001003 (42000): SQL compilation error:\nsyntax error: {detail}")

    @classmethod
    def no_table(cls, name: str) -> "QueryError":
        """The table does not exist; Snowflake says the same where it may not be read."""
        return cls(f"002003 (42S02): SQL compilation error:\nObject '{name.upper()}' does not exist or not authorized.")

    @classmethod
    def no_column(cls, name: str) -> "QueryError":
        """No table of the statement has the column."""
        return cls(f"000904 (42000): SQL compilation error:\ninvalid identifier '{name.upper()}'")

    @classmethod
    def no_function(cls, name: str) -> "QueryError":
        """Snowflake has no such function."""
        return cls(f"002140 (42601): SQL compilation error:\nUnknown function {name.upper()}")

    @classmethod
    def unsupported(cls, what: str) -> "QueryError":
        """The statement is not one that may run here."""
        return cls(f"000002 (0A000): SQL compilation error:\nUnsupported feature '{what}'.")


class RequestError(TriageError):
    """A request cannot be answered: the HTTP status and the text that REST gives, or the text of a GraphQL error."""

    def __init__(self, status: int, message: str, *, kind: str = "") -> None:
        """Word the refusal.

        Args:
            status: HTTP status of the REST API.
            message: What is wrong.
            kind: AppSync's `errorType` where GraphQL gives the error.
        """
        super().__init__(message)
        self.status = status
        self.kind = kind
