"""What answers each field of the GraphQL schema. Importing the modules registers their resolvers."""
