"""The SQL guard: every query a model or a playbook asks for becomes one bounded read, or a refusal with a remedy.

`guard` runs the checks in this order: the text's characters (`characters`) and its tokens (`tokens`, `shape`), Panther's
macros (`macros`), the tree's nodes against allow-lists (`nodes`, `catalog`), every SELECT's tables (`scope`) and time
bounds (`spans`, `bounds`, `times`), and the limit. The statement that is sent is then written from the tree (`syntax`)
and checked once more. `template` fills a playbook's query with values, through `prepared` where its statement was guarded
before, `batch` combines several queries into one statement, and `dialects` translates the checked tree for Databricks and
Athena, or refuses (`translatable`). `policy` holds the limits and the error.

Importing this package imports sqlglot, which takes a while: ports and what commands need at start-up leave it alone.
"""

from triage.domain.sql.guard import ReadOnlyQuery, in_dialect, parse_read_only
from triage.domain.sql.policy import DEFAULT, Dialect, SqlPolicy, SqlRefused
from triage.domain.sql.prepared import ParameterValue
from triage.domain.sql.template import BUILT_IN, ParameterType, QueryTemplate

__all__ = [
    "BUILT_IN",
    "DEFAULT",
    "Dialect",
    "ParameterType",
    "ParameterValue",
    "QueryTemplate",
    "ReadOnlyQuery",
    "SqlPolicy",
    "SqlRefused",
    "in_dialect",
    "parse_read_only",
]
