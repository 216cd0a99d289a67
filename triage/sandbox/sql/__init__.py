"""The parts of the translation from Snowflake to DuckDB; `triage.sandbox.snowflake` is the whole.

`macros.py` expands Panther's macros, `scopes.py` walks statements, `rules.py` rewrites single expressions with the help
of `comparisons.py`, `moments.py` (times), `objects.py` (VARIANTs) and `flatten.py`.
"""
