"""Every change of state: `endpoints` for what a customer decides, `deliveries` for events on their way."""

from webhooks.services.deliveries import record_job_event

__all__ = ["record_job_event"]
