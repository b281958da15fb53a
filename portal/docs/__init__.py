"""The documentation at `/docs`: the Markdown files in `docs/`, with tables generated from the code."""
