"""The state database behind `ports.Store`: SQLite in a file, or PostgreSQL shared by many workers.

`store` puts the five parts together over one `database`. `alerts`, `links`, `queue` and `status` are the queue,
`journal`, `records`, `ledger` and `values` the other parts. `fence` keeps writes to those whose claim holds. `tables` is the schema, `columns` how values are stored,
`migrations` the schema's history, `engine`
opens a database, and `failures` translates its errors.
"""

from triage.edges.store.store import open_store

__all__ = ["open_store"]
