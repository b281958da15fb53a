"""What operators do: the desk under /admin, commands, health, metrics, and running one machine. It has no models."""
