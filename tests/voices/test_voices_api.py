"""`GET /api/v1/voices` and `GET /api/v1/voices/<voice_id>`: the voices that speak here and now."""

from dataclasses import asdict
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing.models import Price
from speech.engines.espeak.voices import voice_entries
from speech.engines.google.voices import voice_entries as google_entries
from speech.engines.kokoro.voices import voice_entries as kokoro_entries
from tests.conftest import ApiClient
from tests.support.envelopes import ANNIE, data_of, error_of, statements
from voices.models import Voice
from voices.services import reconcile_catalogue

pytestmark = pytest.mark.django_db

PATH = "/api/v1/voices"
GOOGLE = ("en-US-Chirp3-HD-Kore", "en-US-Neural2-A", "en-US-Standard-A")
FIELDS = {
    "voice_id", "name", "provider", "family", "language", "language_name", "gender", "model_type", "characteristics",
    "supports_ssml", "supports_markup", "supports_speed", "supports_prompt", "supports_multispeaker",
    "supports_streaming", "output_formats", "sample_rates", "max_text_bytes", "max_stream_bytes",
    "credits_per_1000_chars", "sample_url", "samples", "quality", "rank",
}  # fmt: skip


def listed(api: ApiClient, query: str = "") -> dict[str, Any]:
    data: dict[str, Any] = data_of(api.get(f"{PATH}{query}"))
    assert set(data) == {"voices", "total", "page", "pages", "installing"}
    return data


def ids(data: dict[str, Any]) -> list[str]:
    return [voice["voice_id"] for voice in data["voices"]]


def add_voices(count: int, **fields: Any) -> None:
    entry = asdict(voice_entries()[0]) | {"family": "Extra"} | fields
    Voice.objects.bulk_create(
        Voice(
            **entry
            | {"voice_id": f"espeak:x-{fields.get('family', 'Extra')}-{number:03}", "name": f"Extra {number:03}"}
        )
        for number in range(count)
    )


def test_the_list_needs_no_key_and_has_every_voice_of_the_catalogue(anonymous: ApiClient, voices):
    data = listed(anonymous)
    assert (data["total"], data["page"], data["pages"], len(data["voices"])) == (12, 1, 1, 12)
    english = ("en-US", "en-GB")
    assert set(ids(data)) == {entry.voice_id for entry in voice_entries() if entry.language in english}
    assert len({voice["name"] for voice in data["voices"] if voice["gender"] == "female"}) >= 2
    assert len({voice["name"] for voice in data["voices"] if voice["gender"] == "male"}) >= 2
    assert {voice["language"] for voice in data["voices"]} == {"en-US", "en-GB"}


def test_a_voice_says_exactly_what_is_promised(anonymous: ApiClient, voices):
    voice = data_of(anonymous.get(f"{PATH}/{ANNIE}"))
    assert set(voice) == FIELDS
    assert voice["voice_id"] == ANNIE
    assert (voice["name"], voice["provider"], voice["family"]) == ("Annie", "espeak", "eSpeak")
    assert (voice["language"], voice["language_name"]) == ("en-US", "English (United States)")
    assert (voice["gender"], voice["model_type"]) == ("female", "premium")
    assert isinstance(voice["characteristics"]["styles"], list)
    assert voice["supports_speed"] is True
    assert [voice[f"supports_{feature}"] for feature in ("markup", "prompt", "multispeaker")] == [False, False, False]
    assert isinstance(voice["supports_ssml"], bool)
    assert isinstance(voice["supports_streaming"], bool)
    assert voice["output_formats"] == ["wav", "mp3", "ogg_opus"]
    assert voice["sample_rates"] == [8000, 12000, 16000, 22050, 24000, 44100, 48000]
    assert (voice["max_text_bytes"], voice["max_stream_bytes"]) == (500_000, 100_000)
    assert (voice["credits_per_1000_chars"], voice["sample_url"], voice["samples"]) == ("1", None, [])


def test_a_voice_in_the_list_is_the_same_as_alone(anonymous: ApiClient, voices):
    for voice in listed(anonymous)["voices"]:
        assert set(voice) == FIELDS
        assert voice == data_of(anonymous.get(f"{PATH}/{voice['voice_id']}"))
        assert voice["gender"] in {"male", "female", "neutral", "unknown"}
        assert voice["model_type"] in {"premium", "ultra"}


def test_the_price_is_the_operators(anonymous: ApiClient, voices):
    Price.objects.filter(pk="premium").update(microcredits_per_character=1_234)
    assert data_of(anonymous.get(f"{PATH}/{ANNIE}"))["credits_per_1000_chars"] == "1.234"
    Voice.objects.filter(voice_id=ANNIE).update(model_type="ultra")
    assert data_of(anonymous.get(f"{PATH}/{ANNIE}"))["credits_per_1000_chars"] == "4"


def test_the_best_voices_come_first(anonymous: ApiClient, voices):
    reconcile_catalogue(provider="kokoro", entries=kokoro_entries({}), unavailable_reason="")
    google = google_entries([SimpleNamespace(name=name, language_codes=["en-US"], ssml_gender=2) for name in GOOGLE])
    reconcile_catalogue(provider="google", entries=google, unavailable_reason="")
    data = listed(anonymous, "?language=en")
    assert [voice.partition("-Kokoro-")[2] for voice in ids(data)[:5]] == [
        "Heart",
        "Bella",
        "Michael",
        "Emma",
        "George",
    ]
    assert ids(data)[5:9] == [
        "google:en-US-Chirp3HD-Kore",
        "google:en-US-Neural2-A",
        "kokoro:en-US-Kokoro-Nicole",
        "kokoro:en-US-Kokoro-Aoede",
    ]
    order = [(voice["quality"] == "basic", voice["rank"]) for voice in data["voices"]]
    assert order == sorted(order)
    assert [voice["provider"] for voice in data["voices"][-12:]] == ["espeak"] * 12
    assert ids(data)[-13:-11] == ["google:en-US-Standard-A", ANNIE]
    assert ids(listed(anonymous, "?quality=basic"))[:2] == [ANNIE, "espeak:en-GB-eSpeak-Annie"]
    assert ids(listed(anonymous, "?language=fr")) == ["kokoro:fr-FR-Kokoro-Siwis"]


def test_they_come_by_name_if_that_is_asked_for(anonymous: ApiClient, voices):
    order = [(voice["name"], voice["language"]) for voice in listed(anonymous, "?sort=name")["voices"]]
    assert order == sorted(order)


@pytest.mark.parametrize(
    ("query", "details"),
    [
        ("?sort=rank", {"sort": ["Must be one of name."]}),
        ("?quality=best", {"quality": ["Must be one of natural, basic."]}),
    ],
)
def test_another_order_or_quality_is_refused(anonymous: ApiClient, voices, query: str, details: dict[str, list[str]]):
    assert error_of(anonymous.get(PATH + query), 400, "VALIDATION_ERROR")["details"] == details


# --- filters -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query, count",
    [
        ("?language=en", 12),
        ("?language=EN", 12),
        ("?language=en-US", 6),
        ("?language=en-us", 6),
        ("?language=en-GB", 6),
        ("?language=e", 0),
        ("?language=en-", 0),
        ("?language=en-U", 0),
        ("?language=de", 0),
        ("?language=%25", 0),
        ("?language=_n", 0),
        ("?language=", 12),
        ("?provider=espeak", 12),
        ("?provider=ESPEAK", 12),
        ("?provider=google", 0),
        ("?model_type=premium", 12),
        ("?model_type=ultra", 0),
        ("?gender=female", 6),
        ("?gender=male", 6),
        ("?gender=unknown", 0),
        ("?quality=basic", 12),
        ("?quality=natural", 0),
        ("?sort=name", 12),
        ("?sort=", 12),
        ("?q=annie", 2),
        ("?q=ANN", 2),
        ("?q=kingdom", 6),
        ("?q=annie+kingdom", 1),
        ("?q=annie+lee", 0),
        ("?q=%25", 0),
        ("?q=en-US-eSpeak-Lee", 1),
        ("?q=+++", 12),
        ("?q=", 12),
        ("?q=%00", 0),
        ("?q=%F0%9F%98%80", 0),
        ("?language=en-GB&gender=female&q=linda", 1),
        ("?provider=espeak%00", 0),
        ("?q=" + "e+" * 500, 12),
    ],
)
def test_a_filter_narrows_the_list(anonymous: ApiClient, voices, query: str, count: int):
    data = listed(anonymous, query)
    assert (data["total"], len(data["voices"])) == (count, count)


def test_a_language_is_not_the_beginning_of_another(anonymous: ApiClient, voices):
    Voice.objects.filter(voice_id=ANNIE).update(language="eng-XX")
    assert listed(anonymous, "?language=en")["total"] == 11
    assert ids(listed(anonymous, "?language=eng")) == [ANNIE]


def test_a_bare_language_has_itself(anonymous: ApiClient, voices):
    Voice.objects.filter(voice_id=ANNIE).update(language="eo")
    assert ids(listed(anonymous, "?language=eo")) == [ANNIE]


@pytest.mark.parametrize(
    "query, field", [("?colour=red", "colour"), ("?Language=en", "Language"), ("?language=en&format=xml", "format")]
)
def test_an_unknown_filter_is_named(anonymous: ApiClient, voices, query: str, field: str):
    assert error_of(anonymous.get(PATH + query), 400, "VALIDATION_ERROR")["details"] == {field: ["Unknown filter."]}


# --- pages ---------------------------------------------------------------------------------------


def test_a_long_list_has_pages_of_fifty(anonymous: ApiClient, voices):
    add_voices(93)
    first, second, third = (listed(anonymous, f"?page={number}") for number in (1, 2, 3))
    assert [len(page["voices"]) for page in (first, second, third)] == [50, 50, 5]
    assert {page["total"] for page in (first, second, third)} == {105}
    assert [(page["page"], page["pages"]) for page in (first, second, third)] == [(1, 3), (2, 3), (3, 3)]
    assert len({*ids(first), *ids(second), *ids(third)}) == 105


def test_past_the_last_page_there_are_no_voices(anonymous: ApiClient, voices):
    data = listed(anonymous, "?page=1000000")
    assert data == {"voices": [], "total": 12, "page": 1_000_000, "pages": 1, "installing": None}


def test_an_empty_catalogue_has_one_empty_page(anonymous: ApiClient, no_voices):
    assert listed(anonymous) == {"voices": [], "total": 0, "page": 1, "pages": 1, "installing": None}


@pytest.mark.parametrize("page", ["0", "-1", "one", "", "1.0", "1000001", "9" * 5000, "%00", "%C2%B2", "%D9%A1", "+1"])
def test_a_page_that_is_no_number_is_refused(anonymous: ApiClient, voices, page: str):
    error = error_of(anonymous.get(f"{PATH}?page={page}"), 400, "VALIDATION_ERROR")
    assert error["details"] == {"page": ["Must be a page number of at least 1."]}


# --- only what works here ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change", [{"is_enabled": False}, {"is_listed": False}, {"unavailable_reason": "no library"}], ids=str
)
def test_a_voice_that_cannot_speak_here_is_neither_listed_nor_found(
    anonymous: ApiClient, voices, change: dict[str, Any]
):
    Voice.objects.filter(voice_id=ANNIE).update(**change)
    data = listed(anonymous)
    assert data["total"] == 11
    assert ANNIE not in ids(data)
    error_of(anonymous.get(f"{PATH}/{ANNIE}"), 404, "NOT_FOUND")


@pytest.mark.parametrize(
    "voice_id", ["nobody", ANNIE.lower(), ANNIE[:-1], "%25", "%00", "a" * 5000, "%F0%9F%98%80", quote("' OR 1=1")]
)
def test_an_unknown_voice_is_not_found(anonymous: ApiClient, voices, voice_id: str):
    error_of(anonymous.get(f"{PATH}/{voice_id}"), 404, "NOT_FOUND")


@pytest.mark.parametrize("actor", ["anonymous", "api"])
def test_with_or_without_a_key_the_answer_is_the_same(request: pytest.FixtureRequest, voices, actor: str):
    assert listed(request.getfixturevalue(actor))["total"] == 12


# --- the cost ------------------------------------------------------------------------------------


def test_a_list_is_four_queries_however_long(anonymous: ApiClient, voices):
    listed(anonymous)
    for family in ("More", "Most"):
        with CaptureQueriesContext(connection) as queries:
            listed(anonymous)
        assert statements(queries.captured_queries) == [
            "SELECT voices_voice",  # how many
            "SELECT billing_price",
            "SELECT voices_voice",  # this page of them
            "SELECT voices_sample",  # theirs
        ]
        add_voices(30, family=family)


def test_one_voice_is_three_queries(anonymous: ApiClient, voices):
    listed(anonymous)
    with CaptureQueriesContext(connection) as queries:
        anonymous.get(f"{PATH}/{ANNIE}")
    assert statements(queries.captured_queries) == [
        "SELECT voices_voice",
        "SELECT voices_sample",
        "SELECT billing_price",
    ]
