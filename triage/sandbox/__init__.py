"""An embedded Panther for the demo, for tests and for work on prompts: GraphQL, REST and a data lake over one world.

`world.py` loads a world and `server.py` serves it. `graphql_api.py` (fields in `resolvers/`) and `rest_api.py` answer
from `alerts.py`, `comments.py` and `queries.py`. `lake.py` runs Snowflake SQL on `tables.py`, translated by
`snowflake.py` and `sql/`. `importing/` builds a world from a user's own files; `shipped/` holds those that ship.
"""
