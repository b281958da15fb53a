"""How often an account, or an address, may ask; and what the four headers say about it."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.conf import settings as django_settings
from django.test import Client

from accounts.models import Account, Plan
from accounts.rate_limits import WINDOW_SECONDS
from tests.conftest import ApiClient
from tests.factories import make_account, make_key
from tests.support.envelopes import ANNIE, NEVER_WAS, data_of, error_of, everything_that_costs

pytestmark = pytest.mark.django_db

BODY = {"text": "Hello.", "voice_id": ANNIE}
NOON = datetime(2026, 1, 8, 12, 0, 0, tzinfo=UTC)


def limits(response) -> tuple[str, int, int]:
    headers = response.headers
    return headers["X-RateLimit-Bucket"], int(headers["X-RateLimit-Limit"]), int(headers["X-RateLimit-Remaining"])


def client_of(account: Account) -> ApiClient:
    return ApiClient(make_key(account)[1])


@pytest.mark.parametrize("plan, limit", [("payg", 10), ("pro", 100)])
def test_the_limit_is_exact_and_the_next_request_is_refused(voices, plan: str, limit: int):
    api = client_of(make_account(plan=plan))
    with time_machine.travel(NOON, tick=False):
        for number in range(1, limit + 1):
            response = api.post("/api/v1/tts", BODY)
            data_of(response, 202)
            assert limits(response) == ("generate", limit, limit - number)
        before = everything_that_costs()
        response = api.post("/api/v1/tts", BODY)
    error = error_of(response, 429, "RATE_LIMIT_EXCEEDED")
    assert limits(response) == ("generate", limit, 0)
    wait = int(response.headers["Retry-After"])
    assert 1 <= wait <= WINDOW_SECONDS
    assert int(response.headers["X-RateLimit-Reset"]) == NOON.timestamp() + wait
    told = re.fullmatch(
        rf"Rate limit exceeded: {limit} requests per 15 minutes\. Try again at (\d\d):(\d\d) UTC\.", error["message"]
    )
    assert told, error["message"]
    again = NOON.replace(hour=int(told[1]), minute=int(told[2]))
    assert 0 <= (again - NOON).total_seconds() - wait < 60, "the window's end, rounded up to a minute"
    assert everything_that_costs() == before


def test_the_limits_of_each_plan_are_announced(voices):
    for plan, generate, read in (("payg", 10, 1_800), ("pro", 100, 12_000), ("enterprise", 1_000, 120_000)):
        api = client_of(make_account(plan=plan))
        assert limits(api.post("/api/v1/tts", BODY)) == ("generate", generate, generate - 1)
        assert limits(api.get("/api/v1/tts")) == ("read", read, read - 1)


def test_after_the_wait_that_was_told_and_no_sooner_requests_pass_again(voices):
    api = client_of(make_account(plan="payg"))
    with time_machine.travel(NOON, tick=False) as clock:
        for _ in range(10):
            api.post("/api/v1/tts", BODY)
        response = api.post("/api/v1/tts", BODY)
        error_of(response, 429, "RATE_LIMIT_EXCEEDED")
        wait = int(response.headers["Retry-After"])
        clock.shift(timedelta(seconds=wait - 1))
        assert api.post("/api/v1/tts", BODY).status_code == 429
        clock.shift(timedelta(seconds=1))
        response = api.post("/api/v1/tts", BODY)
        data_of(response, 202)
        assert limits(response) == ("generate", 10, 9)


def test_a_window_is_a_quarter_of_an_hour(voices):
    api = client_of(make_account(plan="payg"))
    with time_machine.travel(NOON, tick=False) as clock:
        first = int(api.get("/api/v1/tts").headers["X-RateLimit-Reset"])
        clock.move_to(datetime.fromtimestamp(first, UTC))
        second = int(api.get("/api/v1/tts").headers["X-RateLimit-Reset"])
    assert second - first == 15 * 60


def test_all_keys_of_an_account_share_its_limit_and_other_accounts_have_their_own(voices):
    acme = make_account("Acme", plan="payg")
    one, another = client_of(acme), client_of(acme)
    for _ in range(5):
        data_of(one.post("/api/v1/tts", BODY), 202)
        data_of(another.post("/api/v1/tts", BODY), 202)
    assert one.post("/api/v1/tts", BODY).status_code == 429
    assert another.post("/api/v1/tts", BODY).status_code == 429
    data_of(client_of(make_account("Globex", plan="payg")).post("/api/v1/tts", BODY), 202)


def test_who_may_not_generate_any_more_may_still_read(voices):
    api = client_of(make_account(plan="payg"))
    for _ in range(11):
        last = api.post("/api/v1/tts", BODY)
    error_of(last, 429, "RATE_LIMIT_EXCEEDED")
    response = api.get("/api/v1/tts")
    data_of(response)
    assert limits(response) == ("read", 1_800, 1_799)


def test_reading_is_limited_by_its_own_bucket(voices):
    acme = make_account(plan="payg")
    Account.objects.filter(pk=acme.pk).update(read_limit_override=3)
    api = client_of(acme)
    for path in ("/api/v1/tts", f"/api/v1/tts/{NEVER_WAS}", f"/api/v1/tts/{NEVER_WAS}/audio"):
        assert api.get(path).status_code in {200, 404}
    error_of(api.get("/api/v1/tts"), 429, "RATE_LIMIT_EXCEEDED")
    error_of(api.delete(f"/api/v1/tts/{NEVER_WAS}"), 429, "RATE_LIMIT_EXCEEDED")
    data_of(api.post("/api/v1/tts", BODY), 202)


@pytest.mark.parametrize("override, allowed", [(0, 0), (2, 2), (12, 12)])
def test_an_account_may_have_a_limit_of_its_own(voices, override: int, allowed: int):
    acme = make_account(plan="payg")
    Account.objects.filter(pk=acme.pk).update(generate_limit_override=override)
    api = client_of(acme)
    statuses = [api.post("/api/v1/tts", BODY).status_code for _ in range(allowed + 1)]
    assert statuses == [202] * allowed + [429]


def test_the_numbers_are_columns_of_the_plan(voices):
    Plan.objects.filter(pk="payg").update(generate_limit=1)
    api = client_of(make_account(plan="payg"))
    assert [api.post("/api/v1/tts", BODY).status_code for _ in range(2)] == [202, 429]


def test_a_change_of_plan_keeps_the_count(voices):
    acme = make_account(plan="payg")
    api = client_of(acme)
    for _ in range(11):
        last = api.post("/api/v1/tts", BODY)
    assert last.status_code == 429
    Account.objects.filter(pk=acme.pk).update(plan="pro")
    response = api.post("/api/v1/tts", BODY)
    data_of(response, 202)
    assert limits(response) == ("generate", 100, 88)
    Account.objects.filter(pk=acme.pk).update(plan="payg")
    assert api.post("/api/v1/tts", BODY).status_code == 429


def test_requests_that_are_refused_after_authentication_count(voices):
    acme = make_account(plan="pro", credits=0)
    writer, reader = client_of(acme), ApiClient(make_key(acme, scopes=("speech:read",))[1])
    assert limits(writer.post("/api/v1/tts", raw=b"{"))[2] == 99  # 400
    assert limits(writer.post("/api/v1/tts", BODY))[2] == 98  # 402
    assert (
        limits(writer.client.post("/api/v1/tts", b"x", content_type="text/plain", headers=writer.headers))[2] == 97
    )  # 415
    assert limits(reader.post("/api/v1/tts", BODY)) == ("generate", 100, 96)  # 403
    assert limits(reader.get(f"/api/v1/tts/{NEVER_WAS}")) == ("read", 12_000, 11_999)  # 404
    assert limits(reader.delete("/api/v1/tts")) == ("read", 12_000, 11_998)  # 405


def test_a_request_without_a_valid_key_costs_no_account_anything(voices):
    acme = make_account(plan="payg")
    api = client_of(acme)
    for _ in range(20):
        error_of(ApiClient("tts_" + "0" * 36).post("/api/v1/tts", BODY), 401, "UNAUTHORIZED")
    assert limits(api.post("/api/v1/tts", BODY)) == ("generate", 10, 9)


# --- without a key -------------------------------------------------------------------------------


def voices_from(address: str, key: str | None = None):
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return Client().get("/api/v1/voices", headers=headers, REMOTE_ADDR=address)


@pytest.fixture
def two_reads(settings) -> None:
    settings.ANONYMOUS_READ_LIMIT = 2


def test_without_a_key_requests_are_counted_by_address(voices, two_reads):
    assert [limits(voices_from("192.0.2.1")) for _ in range(2)] == [("read", 2, 1), ("read", 2, 0)]
    response = voices_from("192.0.2.1")
    error_of(response, 429, "RATE_LIMIT_EXCEEDED")
    assert int(response.headers["Retry-After"]) >= 1
    data_of(voices_from("192.0.2.2"))


def test_an_unknown_address_of_the_api_counts_like_any_other(voices, two_reads):
    for _ in range(2):
        error_of(Client().get("/api/v1/nothing", REMOTE_ADDR="192.0.2.1"), 404, "NOT_FOUND")
    error_of(Client().get("/api/v1/nothing", REMOTE_ADDR="192.0.2.1"), 429, "RATE_LIMIT_EXCEEDED")
    error_of(voices_from("192.0.2.1"), 429, "RATE_LIMIT_EXCEEDED")


def test_ipv6_is_counted_by_network_of_64_bits(voices, two_reads):
    assert voices_from("2001:db8:1:2::1").status_code == 200
    assert voices_from("2001:db8:1:2:ffff:ffff:ffff:ffff").status_code == 200
    assert voices_from("2001:db8:1:2::3").status_code == 429
    assert voices_from("2001:db8:1:3::1").status_code == 200


def test_a_forged_forwarding_header_does_not_make_another_address(voices, two_reads):
    statuses = [
        Client().get("/api/v1/voices", headers={"X-Forwarded-For": f"198.51.100.{n}"}).status_code for n in range(3)
    ]
    assert statuses == [200, 200, 429]


def test_with_a_key_voices_count_for_the_account_not_for_the_address(voices, two_reads):
    acme = make_account(plan="payg")
    secret = make_key(acme)[1]
    for number in range(1, 5):
        response = voices_from("192.0.2.1", secret)
        data_of(response)
        assert limits(response) == ("read", 1_800, 1_800 - number)
    assert limits(voices_from("192.0.2.1")) == ("read", 2, 1)


def test_a_key_that_is_not_valid_is_no_obstacle_to_voices_and_no_way_round_the_limit(voices, two_reads):
    statuses = [voices_from("192.0.2.1", f"tts_{number:036}").status_code for number in range(3)]
    assert statuses == [200, 200, 429]


def test_pages_are_not_limited_and_say_nothing_of_limits(voices, client: Client, two_reads):
    for _ in range(4):
        response = client.get("/healthz")
        assert response.status_code == 200
    assert "X-RateLimit-Limit" not in response.headers


def test_the_limit_without_a_key_has_a_generous_default():
    assert django_settings.ANONYMOUS_READ_LIMIT == 600
