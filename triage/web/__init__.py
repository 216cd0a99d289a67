"""What a running process tells over HTTP: `/metrics` and `/healthz`. Needs the extra `web`."""
