"""Changes of state: `endpoints` for the customer's settings, `deliveries` for events."""

from webhooks.services.deliveries import record_job_event

__all__ = ["record_job_event"]
