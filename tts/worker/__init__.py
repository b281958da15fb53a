"""Runs a claimed job: lease, pipeline and synthesis."""
