"""The SQL guard: whatever a model or a playbook asks becomes one bounded read, or a refusal that says what to change.

In this order: the text's characters (`characters`) and the SQL library's tokens of it (`tokens`, `shape`), Panther's
macros (`macros`), the tree's nodes against allow-lists (`nodes`, `catalog`), every SELECT's tables (`scope`, `names`)
and time bounds (`spans`, `bounds`, `times`), the limit, and the statement written anew from the tree and checked once
more (`guard`, `syntax`). `template` fills a playbook's query with values, `batch` sends several as one, and for a lake
that isn't Snowflake's the checked tree is translated, or refused (`dialects`, `translatable`, `facts`).

Importing this package imports sqlglot, which takes a while: ports and what commands need at start-up leave it alone.
"""

from triage.domain.sql.guard import ReadOnlyQuery, in_dialect, parse_read_only
from triage.domain.sql.policy import DEFAULT, Dialect, SqlPolicy
from triage.domain.sql.refusal import SqlRefused
from triage.domain.sql.template import BUILT_IN, ParameterType, ParameterValue, QueryTemplate

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
