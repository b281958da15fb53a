"""Every change of state in accounts: tenants, API keys, remembered requests, maintenance."""
