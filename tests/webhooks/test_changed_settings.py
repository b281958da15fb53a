"""The operator changes his mind: what was kept under other settings holds up nobody else, and no job."""

from cryptography.fernet import Fernet

from tests.factories import make_account
from tests.support.workers import ledger_adds_up, submit  # noqa: F401
from tests.webhooks.conftest import make_delivery, make_endpoint
from tts.tasks import speak_next
from webhooks.models import Delivery
from webhooks.sender import Sender


def test_a_job_completes_although_its_receivers_port_is_not_allowed_any_more(account, voices, hook, endpoint, settings):
    settings.WEBHOOK_PORTS = [443]
    job = submit(account)
    speak_next(job.queue)
    Sender(slots=2).run()
    job.refresh_from_db()
    assert (job.status, job.attempt, job.refunded_microcredits) == ("completed", 1, 0)
    attempt = Delivery.objects.get().attempts.get()
    assert (attempt.outcome, attempt.status, attempt.error) == ("blocked", None, "Use port 443.")
    assert Delivery.objects.get().state == "pending"  # to be tried again
    assert hook.received == []


def test_a_secret_that_cannot_be_read_any_more_holds_up_no_neighbour(account, hook, endpoint, settings):
    """Both are of one receiver, and so of one batch."""
    old = settings.WEBHOOK_SECRET_KEYS
    settings.WEBHOOK_SECRET_KEYS = [Fernet.generate_key().decode()]
    neighbour = make_account("Globex", plan="enterprise")
    make_endpoint(neighbour, hook.url)
    lost, sent = make_delivery(account), make_delivery(neighbour)
    Sender(slots=2).run()
    lost.refresh_from_db()
    sent.refresh_from_db()
    assert (lost.state, lost.attempts.get().outcome) == ("pending", "unsigned")
    assert (sent.state, sent.attempts.get().outcome) == ("delivered", "delivered")
    assert [request.headers["x-tts-delivery-id"] for request in hook.received] == [str(sent.pk)]

    settings.WEBHOOK_SECRET_KEYS = [*settings.WEBHOOK_SECRET_KEYS, *old]  # the key is back
    Delivery.objects.filter(pk=lost.pk).update(next_attempt_at=lost.created_at)
    Sender(slots=2).run()
    lost.refresh_from_db()
    assert (lost.state, lost.attempts_made) == ("delivered", 2)
