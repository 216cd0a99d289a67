"""The state database: SQLite in a file, or PostgreSQL shared by many workers."""

from triage.edges.store.store import SqlStore, open_store

__all__ = ["SqlStore", "open_store"]
