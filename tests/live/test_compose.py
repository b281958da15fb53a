"""compose.yaml, proven with plain processes: PostgreSQL, a Redis, each role by its command, a proxy before them."""

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from tests.live.compose import Deployment
from tests.live.proxy import proxy
from tests.live.restartable import Server, restartable_postgres, restartable_redis
from tests.live.service import settings_of_services
from tests.peers import s3_peer as s3
from tests.support.ports import free_port
from tests.support.services import NoServices
from tests.support.waiting import wait_for

pytestmark = [
    pytest.mark.timeout(400),  # ten programs start, one after the other where the machine is busy
    pytest.mark.skipif(not settings_of_services(), reason="needs PostgreSQL and Redis: make test-services"),
]

STOP_SECONDS = 5.0
CHECKS = ("database", "migrations", "cache", "broker", "store")
VOICE_ID = "espeak:en-US-eSpeak-Annie"
PASSWORD = "Pvmarker-password-81"
REDIS_PASSWORD = "Rdmarker-redis-17"
METRICS_TOKEN = "Mtmarker-metrics-44"


@dataclass
class Running:
    """Everything up, and one customer."""

    deployment: Deployment
    redis: Server
    database_url: str
    url: str
    key: str
    account_id: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    def url_of(self, name: str) -> str:
        return self.deployment.containers[name].url

    def execute(self, statement: str) -> None:
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            connection.execute(statement.encode())

    def submit(self, text: str, **fields: object) -> dict[str, Any]:
        body = {"text": text, "voice_id": VOICE_ID, **fields}
        answer = httpx.post(f"{self.url}/api/v1/tts", json=body, headers=self.headers)
        assert answer.status_code == 202, answer.text
        data: dict[str, Any] = answer.json()["data"]
        return data

    def job(self, poll_url: str) -> dict[str, Any]:
        data: dict[str, Any] = httpx.get(self.url + poll_url, headers=self.headers).json()["data"]
        return data

    def finished(self, poll_url: str) -> dict[str, Any]:
        def job() -> dict[str, Any] | None:
            data = self.job(poll_url)
            return None if data["status"] in {"pending", "processing"} else data

        finished = wait_for(job, "the job", seconds=30)
        assert finished is not None
        return finished

    def lines(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.deployment.containers[name].output.splitlines() if line]

    def access_lines(self, name: str) -> list[dict[str, Any]]:
        return [line for line in self.lines(name) if line["logger"] == "access"]


def deployment_in(folder: Path, *, database_url: str, redis_url: str, port: int, **replaced: str) -> Deployment:
    """As an operator's .env would make it, but for where the servers are. The proxy is to listen on `port`."""
    variables = {
        "PUBLIC_HOST": "127.0.0.1",
        "AUDIO_HOST": "audio.localhost",
        "URL_SCHEME": "http",
        "SERVE_HTTPS": "0",
        "SECRET_KEY": f"Skmarker-{secrets.token_urlsafe(40)}",
        "POSTGRES_PASSWORD": "replaced",
        "S3_ACCESS_KEY": s3.ACCESS_KEY,
        "S3_SECRET_KEY": s3.SECRET,
        "METRICS_TOKEN": METRICS_TOKEN,
    }
    servers = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "DATA_DIR": str(folder / "data"),
        "STATIC_ROOT": str(folder / "static"),
    }
    return Deployment(folder, variables, servers | replaced)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder, port = tmp_path_factory.mktemp("compose"), free_port()
    try:
        with restartable_postgres() as postgres, restartable_redis(password=REDIS_PASSWORD) as redis:
            deployment = deployment_in(
                folder, database_url=postgres.url, redis_url=redis.url, port=port, AUDIO_STORE_URL=""
            )
            try:
                deployment.manage("collectstatic", "--noinput", "--verbosity", "0")  # the image brings them along
                deployment.start()
                made = json.loads(
                    deployment.manage(
                        *("create_account", "alice.marker@acme.example", "--plan", "enterprise"),
                        *("--credits", "1000", "--key", "--json"),
                    )
                )
                api, stream = (deployment.containers[name].port for name in ("api", "stream"))
                with proxy(port, api=api, stream=stream, folder=folder):
                    url = f"http://127.0.0.1:{port}"
                    yield Running(deployment, redis, postgres.url, url, made["api_key"], made["account_id"])
            finally:
                deployment.kill()
    except NoServices as error:
        pytest.skip(str(error))


def test_a_sentence_goes_through_every_process(running: Running) -> None:
    submitted = running.submit("From the door to the store and back.", output_format="mp3")
    job = running.finished(submitted["poll_url"])
    assert job["status"] == "completed", job

    redirect = httpx.get(running.url + submitted["audio_endpoint"], headers=running.headers)
    assert redirect.status_code == 307
    location = redirect.headers["Location"]
    assert location.startswith(f"{running.url}/audio/")
    whole = httpx.get(location)
    assert (whole.status_code, whole.headers["Content-Type"]) == (200, "audio/mpeg")
    part = httpx.get(location, headers={"Range": "bytes=100-199"})
    assert part.status_code == 206
    assert part.headers["Content-Range"] == f"bytes 100-199/{len(whole.content)}"
    assert part.content == whole.content[100:200]

    api, stream = running.access_lines("api"), running.access_lines("stream")
    assert ("POST", "/api/v1/tts", 202) in {(line["method"], line["path"], line["status"]) for line in api}
    assert [(line["path"], line["status"]) for line in stream] == [
        ("/audio/<path:key>", 200),
        ("/audio/<path:key>", 206),
    ]


def test_lines_of_web_and_worker_name_request_account_and_job(running: Running) -> None:
    submitted = running.submit("Who did what?")
    running.finished(submitted["poll_url"])
    job_id, account_id = submitted["job_id"], running.account_id

    [post] = [line for line in running.access_lines("api") if line["method"] == "POST" and line["job_id"] == job_id]
    assert post["account_id"] == account_id
    assert len(post["request_id"]) == 36
    assert post["client"] == "127.0.0.1"
    assert post["duration_ms"] > 0
    spoken = wait_for(
        lambda: [line for line in running.lines("worker-espeak") if line.get("job_id") == job_id], "the worker's line"
    )
    assert {line["account_id"] for line in spoken} == {account_id}
    assert spoken[-1]["event"].startswith(f"job {job_id} completed")


def test_pages_and_styles_come_through_the_wsgi_process(running: Running) -> None:
    page = httpx.get(f"{running.url}/")
    assert page.status_code == 200
    href = page.text.partition('rel="stylesheet" href="')[2].partition('"')[0]
    style = httpx.get(running.url + href)
    assert (style.status_code, style.headers["Content-Type"]) == (200, 'text/css; charset="utf-8"')


def test_a_chunked_body_is_read_under_wsgi(running: Running) -> None:
    def chunks() -> Iterator[bytes]:
        yield b'{"text": "In pieces.", '
        yield f'"voice_id": "{VOICE_ID}"}}'.encode()

    answer = httpx.post(
        f"{running.url_of('api')}/api/v1/tts",
        content=chunks(),
        headers={**running.headers, "Content-Type": "application/json"},
    )
    assert answer.status_code == 202, answer.text
    assert answer.json()["data"]["chars_charged"] == 10


def test_a_body_over_the_limit_gets_the_envelope_through_the_proxy(running: Running) -> None:
    answer = httpx.post(
        f"{running.url}/api/v1/tts",
        content=b" " * (3 * 1024**2),
        headers={**running.headers, "Content-Type": "application/json"},
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "PAYLOAD_TOO_LARGE")


def test_metrics_are_for_who_has_the_token_and_not_for_the_outside(running: Running) -> None:
    token = {"Authorization": f"Bearer {METRICS_TOKEN}"}
    assert httpx.get(f"{running.url}/metrics", headers=token).status_code == 404
    assert httpx.get(f"{running.url_of('api')}/metrics").status_code == 404
    answer = httpx.get(f"{running.url_of('api')}/metrics", headers=token)
    assert answer.status_code == 200
    assert 'utterance_queue_depth{queue="speech.espeak"}' in answer.text
    assert "utterance_database_up 1.0" in answer.text


def test_not_ready_while_redis_is_away_and_ready_again_after(running: Running) -> None:
    def readiness() -> httpx.Response:
        return httpx.get(f"{running.url_of('api')}/readyz")

    wait_for(lambda: readiness().status_code == 200, "/readyz to be well")
    assert (readiness().json()["status"], readiness().json()["checks"]) == ("ready", dict.fromkeys(CHECKS, "ok"))
    running.redis.stop()
    try:
        answer = readiness()
        assert answer.status_code == 503
        assert answer.json()["status"] == "not ready"
        assert answer.json()["checks"] == dict.fromkeys(CHECKS, "ok") | {"broker": "failed"}
        assert httpx.get(f"{running.url_of('api')}/healthz").status_code == 200
    finally:
        running.redis.start()
    wait_for(lambda: readiness().status_code == 200, "/readyz to be well again")
    submitted = running.submit("Redis is back.")
    assert running.finished(submitted["poll_url"])["status"] == "completed"


def test_nothing_of_a_customer_is_in_any_log(running: Running) -> None:
    text = "Txmarker says something private."
    secret_values = {
        *("Txmarker", "Mdmarker", "Wkmarker", "Fomarker", "alice.marker", "Evmarker", PASSWORD, "Ikmarker"),
        *(REDIS_PASSWORD, METRICS_TOKEN, running.key, running.deployment.environment["SECRET_KEY"]),
    }
    submitted = running.submit(text, metadata={"note": "Mdmarker"})
    job = running.finished(submitted["poll_url"])
    signature = job["audio_url"].partition("signature=")[2]
    assert httpx.get(job["audio_url"]).status_code == 200
    assert httpx.get(f"{job['audio_url']}0").status_code == 403
    wrong_key = f"tts_Wkmarker{'0' * 28}"
    for url in (f"{running.url}/api/v1/tts", f"{running.url}/api/v1/{wrong_key}"):
        assert httpx.get(url, headers={"Authorization": f"Bearer {wrong_key}"}).status_code in {401, 404}
    assert httpx.get(f"{running.url}/api/v1/tts?note=Fomarker", headers=running.headers).status_code == 400
    assert httpx.get(f"{running.url}/nobody/alice.marker@acme.example").status_code == 404
    _sign_in(running, "alice.marker@acme.example", PASSWORD)

    # Failures with the text at hand: PostgreSQL quotes the whole row in its message.
    running.execute("ALTER TABLE tts_job ADD CONSTRAINT none_today CHECK (text NOT LIKE 'Evmarker%') NOT VALID")
    body = {"text": "Evmarker is in the row.", "voice_id": VOICE_ID}
    failed = httpx.post(
        f"{running.url}/api/v1/tts", json=body, headers={**running.headers, "Idempotency-Key": "Ikmarker"}
    )
    assert (failed.status_code, failed.json()["error"]["code"]) == (500, "INTERNAL_ERROR")
    running.execute("ALTER TABLE tts_job DROP CONSTRAINT none_today")
    _fail_in_the_store(running, text)
    _fail_in_a_task(running)

    output = running.deployment.output
    assert failed.json()["error"]["request_id"] in output
    assert [value for value in {*secret_values, signature} if value in output] == []
    assert "signature=" not in output.replace("signature=…", "")
    assert "sessionid" not in output
    for name in running.deployment.containers:
        for line in running.lines(name) if name != "migrate" else []:
            assert {"time", "level", "logger", "event"} <= line.keys()


def _sign_in(running: Running, email: str, password: str) -> None:
    with httpx.Client(base_url=running.url) as browser:
        form = browser.get("/sign-in")
        token = form.text.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
        fields = {"email": email, "password": password, "csrfmiddlewaretoken": token}
        answer = browser.post("/sign-in", data=fields, headers={"Origin": running.url})
        assert answer.status_code == 200  # the password is wrong, the form is shown again


def _fail_in_the_store(running: Running, text: str) -> None:
    audio = Path(running.deployment.environment["DATA_DIR"], "audio")
    audio.rename(audio.with_name("elsewhere"))
    audio.write_text("a file where a folder should be")
    try:
        job = running.finished(running.submit(text)["poll_url"])
    finally:
        audio.unlink()
        audio.with_name("elsewhere").rename(audio)
    assert (job["status"], job["refunded"]) == ("failed", True)
    errors = {
        line["error"]["type"]
        for line in running.lines("worker-espeak")
        if line.get("job_id") == job["job_id"] and "error" in line
    }
    assert errors
    assert errors <= {"FileExistsError", "NotADirectoryError", "tts.errors.StoreUnavailable"}


def _fail_in_a_task(running: Running) -> None:
    running.execute("ALTER TABLE tts_job RENAME TO tts_job_hidden")
    try:
        failure = wait_for(
            lambda: [line for line in running.lines("worker-maintenance") if line["logger"] == "celery.app.trace"],
            "a sweep to fail",
        )
    finally:
        running.execute("ALTER TABLE tts_job_hidden RENAME TO tts_job")
    assert failure[0]["event"] == "task tts.tasks.sweep raised unexpected"
    assert failure[0]["error"]["type"] == "django.db.utils.ProgrammingError"


def test_with_the_store_of_compose_the_link_leads_to_the_store(running: Running, tmp_path: Path) -> None:
    with s3.s3_peer() as peer:
        written = running.deployment.written["AUDIO_STORE_URL"]
        assert written == (
            "s3://audio?region=us-east-1&endpoint_url=http://s3:7070&public_endpoint_url=http://audio.localhost"
        )
        here = written.replace("s3://audio", f"s3://{s3.BUCKET}").replace("http://s3:7070", peer.url)
        here = here.replace("http://audio.localhost", peer.url)
        environment = running.deployment.environment
        deployment = deployment_in(
            tmp_path,
            database_url=running.database_url,
            redis_url=environment["REDIS_URL"].removesuffix("/0") + "/1",  # its own queue: the other workers run, too
            port=free_port(),
            AUDIO_STORE_URL=here,
            STATIC_ROOT=environment["STATIC_ROOT"],
        )
        try:
            deployment.start()
            api = Running(deployment, running.redis, running.database_url, "", running.key, running.account_id)
            api.url = api.url_of("api")
            wait_for(lambda: httpx.get(f"{api.url}/readyz").status_code == 200, "/readyz to find the bucket")
            submitted = api.submit("Kept in a bucket.")
            assert api.finished(submitted["poll_url"])["status"] == "completed"
            redirect = httpx.get(api.url + submitted["audio_endpoint"], headers=api.headers)
            assert redirect.status_code == 307
            assert redirect.headers["Location"].startswith(f"{peer.url}/{s3.BUCKET}/")
            part = httpx.get(redirect.headers["Location"], headers={"Range": "bytes=0-3"})
            assert (part.status_code, part.content) == (206, b"RIFF")
            assert "Signature=" not in deployment.output
        finally:
            deployment.kill()


def test_all_processes_end_within_five_seconds_of_sigterm(running: Running) -> None:
    statuses = running.deployment.end(seconds=STOP_SECONDS)
    workers = ("worker-espeak", "worker-kokoro", "worker-remote", "worker-maintenance", "worker-webhooks")
    assert statuses == dict.fromkeys(("api", "stream", *workers, "beat"), 0)
