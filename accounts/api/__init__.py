"""Who may call the APIs: by API key, or as a person."""
