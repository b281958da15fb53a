"""Pages about users, keys and teams."""
