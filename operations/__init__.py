"""Tools for operators: /admin, commands, health checks, metrics, and running on one machine. It has no models."""
