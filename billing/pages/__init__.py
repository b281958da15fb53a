"""Pages about credits, purchases and plans."""
