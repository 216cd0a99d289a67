"""An embedded Panther for the demo, for tests and for work on prompts: GraphQL, REST and a data lake over one world."""
