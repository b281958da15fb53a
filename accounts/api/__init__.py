"""Authentication for the APIs: API keys, sessions and ID tokens."""
