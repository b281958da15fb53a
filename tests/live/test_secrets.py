"""Behind TLS, with the access log on: no link that opens something is in it; cookies travel by TLS alone."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.live.browsing import PASSWORD, link_in_mail
from tests.live.service import VOICE_ID, Caller, Service, settings_of_services
from tests.support.waiting import wait_for

EMAIL, OWNER = "dana@acme.example", "alice@acme.example"

pytestmark = pytest.mark.skipif(
    bool(settings_of_services()), reason="DATABASE_URL is set: the log is the same, and one machine shows it"
)


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    settings = {"ACCESS_LOG": "1", "LOG_FORMAT": "json", "LOG_LEVEL": "DEBUG", "SERVE_HTTPS": "1"}
    service = Service(tmp_path_factory.mktemp("logged"), settings=settings)
    try:
        service.start()
        yield service
    finally:
        service.kill_everything()


class Browser:
    """Behind a proxy that speaks TLS; it sends forms with the token that the page had."""

    def __init__(self, service: Service) -> None:
        self.http = httpx.Client(base_url=service.url, headers={"X-Forwarded-Proto": "https"})
        self.cookies: dict[str, str] = {}

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self._keep(self.http.get(path, headers=self._headers() | headers))

    def post(self, path: str, data: dict[str, str], *, page: str = "") -> httpx.Response:
        found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.get(page or path).text)
        assert found is not None
        headers = self._headers() | {"Referer": f"https://{self.http.base_url.netloc.decode()}/"}
        return self._keep(self.http.post(path, data=data | {"csrfmiddlewaretoken": found[1]}, headers=headers))

    def _headers(self) -> dict[str, str]:
        # Secure cookies: no jar would send them to http://.
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}

    def __enter__(self) -> "Browser":
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def _keep(self, answer: httpx.Response) -> httpx.Response:
        for line in answer.headers.get_list("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer


def path_in_mail(service: Service, email: str, beginning: str) -> str:
    return link_in_mail(service, email, beginning).removeprefix(service.url)


@pytest.fixture
def owner(logged: Service) -> Iterator[Browser]:
    with Browser(logged) as browser:
        yield browser


@pytest.fixture
def stranger(logged: Service) -> Iterator[Browser]:
    with Browser(logged) as browser:
        yield browser


def test_no_link_that_opens_something_is_in_the_log(logged: Service, owner: Browser, stranger: Browser):
    made = logged.manage_json("create_account", OWNER, "--plan", "enterprise", "--credits", "100", "--key")
    caller = Caller(logged, made["api_key"])
    caller.http.headers["X-Forwarded-Proto"] = "https"
    secrets: set[str] = {made["api_key"], made["password"]}

    answer = owner.post("/sign-in", {"login": OWNER, "password": made["password"]})
    assert answer.status_code == 302
    assert owner.post("/team", {"email": EMAIL, "role": "viewer"}).status_code == 302
    invitation = path_in_mail(logged, EMAIL, "/invitations/")
    assert stranger.get(invitation).status_code == 200
    assert stranger.get(f"{invitation}/").status_code == 404  # a slash too many
    assert stranger.http.post(invitation).status_code == 403  # without our token
    secrets.add(invitation.rpartition("/")[2])

    stranger.post("/sign-up", {"email": "finn@acme.example", "account_name": "Finn", "password1": PASSWORD})
    confirmation = path_in_mail(logged, "finn@acme.example", "/confirm-email/")
    assert stranger.get(confirmation).status_code == 200
    secrets.add(confirmation.rpartition("/")[2])
    stranger.post("/reset-password", {"email": OWNER})
    reset = path_in_mail(logged, OWNER, "/reset-password/")
    assert stranger.get(reset).status_code == 302
    assert stranger.http.post(reset).status_code == 403
    secrets.add(reset.rpartition("-")[2])

    typed = "Between-you-and-me."
    compared = stranger.post(
        "/voices/compare", {"voice": VOICE_ID, "text": typed}, page=f"/voices/compare?voice={VOICE_ID}"
    )
    assert (compared.status_code, typed in compared.headers["Location"]) == (302, True)
    assert stranger.get(compared.headers["Location"]).status_code == 200
    part = stranger.get(compared.headers["Location"].replace("compare?", "compare/sound?"))
    assert part.status_code in {200, 204}  # spoken already, or not yet
    elsewhere = {"Referer": f"https://elsewhere.example{compared.headers['Location']}", "X-Forwarded-Proto": "https"}
    assert stranger.http.post("/voices/compare", headers=elsewhere).status_code == 403
    secrets.add(typed)

    body = {"text": "Welcome.", "voice_id": "espeak:en-US-eSpeak-Annie"}
    stream = caller.http.post("/api/v1/tts/stream", json=body).json()["data"]["stream_url"]
    path = httpx.URL(stream).path
    assert caller.http.get(path).status_code == 200
    assert caller.http.get(path).status_code == 410
    assert caller.http.get(f"{path}/").status_code == 404
    secrets.add(path.rpartition("/")[2])
    job = caller.wait_until_completed(path.split("/")[2])
    audio = httpx.URL(job["audio_url"])
    assert caller.http.get(audio.raw_path.decode()).status_code == 200
    secrets.add(audio.params["signature"])
    caller.http.close()

    wait_for(lambda: "/audio/<path:key>" in logged.output, "the line about the audio")
    log = logged.output
    assert {secret for secret in secrets if secret in log} == set()
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    paths = {line["path"] for line in lines if line["logger"] == "access"}
    assert {"/invitations/<str:token>", "/invitations/…", "/confirm-email/<str:key>", "/stream/…"} <= paths
    assert {"/voices/compare", "/voices/compare/sound"} <= paths
    assert {"/stream/<uuid:job_id>/<str:token>", "/audio/<path:key>"} <= paths
    assert any(re.match(r"Forbidden .*: /invitations/<str:token>$", line["event"]) for line in lines)


def test_https_is_asked_for_and_cookies_travel_by_it_alone(logged: Service):
    plain = httpx.get(f"{logged.url}/sign-in")
    assert (plain.status_code, plain.headers["Location"]) == (301, f"{logged.url.replace('http:', 'https:')}/sign-in")
    with Browser(logged) as anybody:
        answer = anybody.get("/sign-in")
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains; preload"
    [cookie] = answer.headers.get_list("set-cookie")
    assert cookie.startswith("csrftoken=")
    assert {"HttpOnly", "Secure", "SameSite=Lax"} <= {part.strip() for part in cookie.split(";")}
    made = logged.manage_json("create_account", "bob@acme.example")
    with Browser(logged) as owner:
        answer = owner.post("/sign-in", {"login": "bob@acme.example", "password": made["password"]})
    [cookie] = [line for line in answer.headers.get_list("set-cookie") if line.startswith("sessionid=")]
    assert {"HttpOnly", "Secure", "SameSite=Lax"} <= {part.strip() for part in cookie.split(";")}


def test_the_proxy_we_ship_writes_no_access_log():
    caddyfile = Path(__file__).resolve().parents[2] / "deploy" / "Caddyfile"
    assert not re.search(r"^\s*log\b", caddyfile.read_text(), re.MULTILINE)
