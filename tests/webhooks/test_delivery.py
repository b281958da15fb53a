"""Jobs end, and the receiver hears of it: once, signed, by a request that says all of it."""

from tests.tts.worker_helpers import ledger_adds_up, submit  # noqa: F401
from tts.tasks import speak_next
from webhooks.models import Delivery
from webhooks.sender import Sender


def send_all() -> None:
    Sender(slots=8).run()


def test_a_completed_job_is_told_with_a_signed_url_of_its_audio(account, voices, hook, endpoint, settings):
    job = submit(account, metadata={"room": 3})
    speak_next(job.queue)
    send_all()
    (request,) = hook.received
    job.refresh_from_db()
    delivery = Delivery.objects.get()
    data = request.json["data"]
    assert request.json.keys() == {"event", "created_at", "data"}
    assert request.json["event"] == "job.completed"
    assert data.pop("audio_url").startswith(f"{settings.PUBLIC_URL}/audio/{job.audio_key}?")
    assert data.pop("audio_url_expires_at").endswith(".000Z")
    assert data == {
        "job_id": str(job.pk),
        "status": "completed",
        "audio_endpoint": f"/api/v1/tts/{job.pk}/audio",
        "chars_charged": 12,
        "metadata": {"room": 3},
    }
    assert request.headers["x-tts-event"] == "job.completed"
    assert request.headers["x-tts-delivery-id"] == str(delivery.pk)
    assert request.headers["x-tts-attempt"] == "1"
    assert request.headers["user-agent"] == "Utterance/0.1.0 (webhooks)"
    assert request.headers["content-type"] == "application/json"
    assert (delivery.state, delivery.tries, delivery.next_attempt_at) == ("delivered", 1, None)
    attempt = delivery.attempts.get()
    assert (attempt.number, attempt.outcome, attempt.status, attempt.error) == (1, "delivered", 204, "")
