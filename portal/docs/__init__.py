"""The documentation at `/docs`: the Markdown files of the folder `docs/`, with tables that are made from the code."""
