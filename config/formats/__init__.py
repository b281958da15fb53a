"""The default date format: one format everywhere, in UTC."""
