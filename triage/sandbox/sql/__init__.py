"""Translates Snowflake SQL, as Panther's users write it, into DuckDB's.

`translate.py` is the whole translation. `macros.py` expands Panther's macros, `scopes.py` walks statements, and
`rules.py` rewrites single expressions with the help of `values.py`, `comparisons.py`, `moments.py` (times) and
`objects.py` (VARIANTs, arrays, FLATTEN).
"""
