"""What is known of each log type: one YAML file per log type, and the loader that reads it when it is needed.

`schema.py` says what a file may hold, `load.py` finds and reads it, `trust.py` answers who chose a field's content, and
`paths.py` has the notation of paths and the walk along them. `docs/log-types.md` says how to add a log type.
"""

from triage.logtypes.columns import column_of
from triage.logtypes.fields import FieldKind
from triage.logtypes.load import (
    EntityField,
    HarmfulAction,
    class_globs,
    derivations,
    entity_fields,
    harmful_action,
    identities_of,
    is_detection_event,
    is_emergency_account,
    is_override,
    is_self_service,
    knows_harmful_actions,
    log_type_files,
    log_type_of_table,
    name_of_number,
    phrases_of,
    product_of,
    protections_taken,
    recognise,
    shipped_log_types,
    terms_of,
    with_derived,
)
from triage.logtypes.schema import (
    DERIVED_TERMS,
    TERMS,
    ColumnKind,
    Derivation,
    Harm,
    LogType,
    Take,
    Term,
    TermName,
    table_of,
)
from triage.logtypes.trust import classify

__all__ = [
    "DERIVED_TERMS",
    "TERMS",
    "ColumnKind",
    "Derivation",
    "EntityField",
    "FieldKind",
    "Harm",
    "HarmfulAction",
    "LogType",
    "Take",
    "Term",
    "TermName",
    "class_globs",
    "classify",
    "column_of",
    "derivations",
    "entity_fields",
    "harmful_action",
    "identities_of",
    "is_detection_event",
    "is_emergency_account",
    "is_override",
    "is_self_service",
    "knows_harmful_actions",
    "log_type_files",
    "log_type_of_table",
    "name_of_number",
    "phrases_of",
    "product_of",
    "protections_taken",
    "recognise",
    "shipped_log_types",
    "table_of",
    "terms_of",
    "with_derived",
]
