"""The admin site: its own pages, and the search."""
