"""Runs the whole service on one machine: starts its processes, watches them, and verifies that they work."""
