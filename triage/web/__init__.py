"""What a running process serves over HTTP: `/metrics` and `/healthz`. Needs the extra `web`."""
