from tts import pipeline
from tts.models import Job
from tts.services import lifecycle


def test_submit_speak_download(api, voices):
    r = api.post("/api/v1/tts", {"text": "Hello there, this is a test.", "voice_id": "espeak:en-US-eSpeak-Annie"})
    assert r.status_code == 202, r.content
    print(r.content, r.headers)
    job = lifecycle.claim_next_job(queue="speech.espeak")
    pipeline.run_job(job)
    r = api.get(r.headers["Location"])
    print(r.json())
    assert r.json()["data"]["status"] == "completed"
    r = api.get("/api/v1/tts/%s/audio" % job.pk)
    print(r.status_code, r.headers)
    r = api.get(r.headers["Location"])
    b = b"".join(r.streaming_content)
    print(len(b), r.headers)
