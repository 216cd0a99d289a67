"""An embedded Panther for the demo, tests and work on prompts: GraphQL, REST and a data lake over one world.

`world.py` loads a world and `server.py` serves it. `graphql_api.py` (fields in `resolvers/`) and `rest_api.py` (with
`rest_alerts.py` and `s3_sources.py`) answer from `alerts.py`, `queries.py` and the tokens and pages in `backend.py`;
`smaller.py` takes parts out of the schema. `lake.py` runs Snowflake SQL on `tables.py`, translated by `sql/`.
`importing/` builds a world from a user's own files; `shipped/` holds the worlds that ship.
"""
