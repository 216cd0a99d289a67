"""The only rooms that know the outside: HTTP, databases, files, clocks."""
