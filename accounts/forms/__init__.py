"""What people type in on the pages of accounts, a module a page."""
