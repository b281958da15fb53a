"""Measurements of the running service, each beside the bare engine or client: `make bench-…`."""
