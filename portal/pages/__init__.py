"""Views of the portal: public pages, and signed-in pages for jobs, the playground, usage and account data."""
