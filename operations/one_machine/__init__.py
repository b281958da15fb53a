"""Everything on one machine: starting its processes, watching them, and proving that they work."""
