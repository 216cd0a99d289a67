"""The parts of the translation from Snowflake to DuckDB; `triage.sandbox.snowflake` is the whole."""
