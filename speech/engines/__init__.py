"""Turns text into samples. `base` defines what an engine is, `registry` returns the configured ones."""
