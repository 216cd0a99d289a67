"""One module per log type: how its records are shaped."""
