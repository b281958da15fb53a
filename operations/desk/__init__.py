"""The operators' site: its own pages, and the search over everything."""
