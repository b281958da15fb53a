"""The pages about people, keys and teams."""
