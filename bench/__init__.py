"""Benchmarks of the running service, most of them compared with the engine or client alone: `make bench-…`."""
