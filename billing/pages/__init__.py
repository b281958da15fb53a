"""The pages about credits, purchases and plans."""
