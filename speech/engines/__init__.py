"""What turns text into samples. `base` says what an engine is, `registry` finds the configured ones."""
