"""The unattended service: the poll loop, the workers, and what is told of both."""
