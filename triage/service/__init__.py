"""The unattended service: `loop` starts the workers (`worker`) and the poll loop (`poller`); `status` reports on both."""
