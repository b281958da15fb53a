"""Changes of state in accounts: tenants, API keys, idempotency records, maintenance."""
