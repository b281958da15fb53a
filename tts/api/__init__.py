"""The JSON API of jobs, quotes and usage."""
