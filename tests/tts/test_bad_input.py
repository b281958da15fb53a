"""Bad input to `POST /api/v1/tts`: refused in the envelope, never a failure of ours, and it costs nothing."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from accounts.models import Account
from tests.conftest import ApiClient
from tests.factories import make_account, make_key
from tests.support.cast import own_counters
from tests.support.envelopes import ANNIE, data_of, error_of, everything_that_costs
from tts.models import Job
from voices.models import Voice

pytestmark = pytest.mark.django_db

PATH = "/api/v1/tts"
BODY: dict[str, Any] = {"text": "Hello.", "voice_id": ANNIE}


def refused(
    api: ApiClient, body: Any = None, *, raw: bytes | None = None, code: str = "VALIDATION_ERROR"
) -> dict[str, Any]:
    """The error, after checking that nothing happened but the refusal."""
    before = everything_that_costs()
    error = error_of(api.post(PATH, body, raw=raw), 400, code)
    assert everything_that_costs() == before
    return error


# --- what is no JSON object ----------------------------------------------------------------------

VALID = json.dumps(BODY).encode()


@pytest.mark.parametrize(
    "raw, message",
    [
        (b"{", "not valid JSON"),
        (b"{]", "not valid JSON"),
        (b"hello", "not valid JSON"),
        (b"{'text': 'x'}", "not valid JSON"),
        (b'{"text": "x",}', "not valid JSON"),
        (b'{"text": "x"} // no', "not valid JSON"),
        (VALID + VALID, "not valid JSON"),
        (b'{"text": "line\nbreak"}', "not valid JSON"),
        (b'{"text": "\\x41"}', "not valid JSON"),
        (b'{"text": "\\ud83"}', "not valid JSON"),
        (b'{"speed": 01}', "not valid JSON"),
        (b'{"speed": .5}', "not valid JSON"),
        (b'{"speed": +1}', "not valid JSON"),
        (b" ", "not valid JSON"),
        (b"\0", "not valid JSON"),
        (b"\xef\xbb\xbf" + VALID, "not valid JSON"),
        (VALID.decode().encode("utf-16"), "not valid UTF-8"),
        (VALID.decode().encode("utf-16-le"), "not valid JSON"),
        (VALID.decode().encode("utf-32"), "not valid UTF-8"),
        (b'{"text": "\xff"}', "not valid UTF-8: byte 10 is invalid"),
        (b'{"text": "\xc3"}', "not valid UTF-8: byte 10 is invalid"),
        (b'{"text": "\xed\xa0\x80"}', "not valid UTF-8: byte 10 is invalid"),
        (b'{"text": "\xc0\x80"}', "not valid UTF-8: byte 10 is invalid"),
        (b"[]", "must be a JSON object"),
        (b"[" + VALID + b"]", "must be a JSON object"),
        (b'"text"', "must be a JSON object"),
        (b"null", "must be a JSON object"),
        (b"true", "must be a JSON object"),
        (b"1", "must be a JSON object"),
        (b"1.5", "must be a JSON object"),
        (b"NaN", "NaN is not a JSON number"),
        (b'{"speed": NaN}', "NaN is not a JSON number"),
        (b'{"speed": Infinity}', "Infinity is not a JSON number"),
        (b'{"speed": -Infinity}', "-Infinity is not a JSON number"),
        (b'{"metadata": {"a": [NaN]}}', "NaN is not a JSON number"),
        (b'{"speed": 1e999}', "The number 1e999 is out of range."),
        (b'{"metadata": {"a": -1e999}}', "The number -1e999 is out of range."),
        (b'{"speed": 1e' + b"9" * 5000 + b"}", "out of range"),
        (b'{"speed": ' + b"9" * 5000 + b"}", "too many digits"),
        (b'{"sample_rate_hertz": -' + b"9" * 5000 + b"}", "too many digits"),
        (b'{"metadata": {"a": ' + b"9" * 1_000_000 + b"}}", "too many digits"),
        (b"[" * 10_000, "levels deep"),
        (b"[" * 10_000 + b"]" * 10_000, "levels deep"),
        (b'{"metadata": ' + b'{"a":' * 10_000 + b"1" + b"}" * 10_001, "levels deep"),
        (b"[" * 100_000, "more than 20,000 values"),
        (b'{"metadata": {"a": [' + b"[]," * 600_000 + b"1]}}", "more than 20,000 values"),
        (b'{"metadata": {"a": [' + b'"",' * 600_000 + b"1]}}", "more than 20,000 values"),
        (b'{"metadata": [' + b'{"a":1},' * 10_001 + b"1]}", "more than 20,000 values"),
        (b'"' * 2_000_000, "more than 20,000 values"),
        (b'{"text": "Hello.", "text": "Goodbye.", "voice_id": "x"}', "contains the field 'text' more than once"),
        (b'{"metadata": {"a": 1, "\\u0061": 2}}', "contains the field 'a' more than once"),
        (b'{"text": "a\\u0000b"}', "NUL"),
        (b'{"te\\u0000xt": "a"}', "NUL"),
        (b'{"metadata": {"a": [{"b": "\\u0000"}]}}', "NUL"),
        (b'{"metadata": {"\\u0000": 1}}', "NUL"),
        (b'{"text": "\\ud800"}', "an unpaired surrogate"),
        (b'{"text": "\\udc00\\ud800"}', "an unpaired surrogate"),
        (b'{"voice_id": "a\\udfffb"}', "an unpaired surrogate"),
        (b'{"\\ud800": "a"}', "an unpaired surrogate"),
        (b'{"metadata": {"\\udbff": 1}}', "an unpaired surrogate"),
        (b'{"metadata": {"a": [{"b": "\\udbff"}]}}', "an unpaired surrogate"),
        (b'{"a": 1, "a": "\\ud800"}', "more than once"),
        (b'{"\\ud800": 1, "\\ud800": 2}', "more than once"),
    ],
    ids=lambda value: repr(value[:30]) if isinstance(value, bytes) else None,
)  # fmt: skip
def test_what_is_not_a_clean_json_object_is_refused_with_its_reason(api: ApiClient, voices, raw: bytes, message: str):
    error = refused(api, raw=raw)
    assert message in error["message"]
    assert len(error["message"]) < 300
    assert "details" not in error


def test_an_empty_object_lacks_the_required_fields(api: ApiClient, voices):
    assert refused(api, raw=b"{}")["details"]["text"] == ["This field is required."]


@pytest.mark.parametrize(
    "content_type, length, status, code",
    [
        ("application/json", "0", 400, "VALIDATION_ERROR"),
        ("application/json", "", 400, "VALIDATION_ERROR"),
        ("", "0", 400, "VALIDATION_ERROR"),
        ("", "", 415, "UNSUPPORTED_MEDIA_TYPE"),
    ],
)
def test_a_request_without_a_body_is_refused(
    api: ApiClient, voices, content_type: str, length: str, status: int, code: str
):
    before = everything_that_costs()
    response = api.client.generic("POST", PATH, headers=api.headers, CONTENT_TYPE=content_type, CONTENT_LENGTH=length)
    error_of(response, status, code)
    assert everything_that_costs() == before


def test_surrogates_that_pair_are_one_character(api: ApiClient, voices):
    raw = b'{"text": "\\ud83d\\ude00", "voice_id": "' + ANNIE.encode() + b'"}'
    assert data_of(api.post(PATH, raw=raw), 202)["chars_charged"] == 1
    assert Job.objects.get().text == "\U0001f600"


def nested(levels: int) -> dict[str, Any]:
    """A request whose JSON has this many levels."""
    value: Any = 1
    for level in range(levels - 2):
        value = [value] if level % 2 else {"a": value}
    return BODY | {"metadata": {"a": value}}


def test_commas_and_brackets_in_a_text_are_no_values(api: ApiClient, voices):
    text = '[,{"' * 24_000
    assert data_of(api.post(PATH, BODY | {"text": text}), 202)["chars_charged"] == len(text)


def test_thirty_two_levels_are_taken_and_one_more_is_not(api: ApiClient, voices):
    data_of(api.post(PATH, nested(32)), 202)
    assert refused(api, nested(33))["message"] == "The body is nested more than 32 levels deep."


# --- fields --------------------------------------------------------------------------------------

ONE_OF_EACH_TYPE: dict[str, Any] = {
    "null": None, "true": True, "false": False, "integer": 7, "fraction": 1.5, "string": "7", "empty string": "",
    "array": [], "array of strings": ["text"], "object": {}, "object of one": {"text": "wav"}, "long integer": 10**400,
}  # fmt: skip
STRINGS = {"string", "empty string"}
TYPES_OF_FIELD = {
    "text": STRINGS, "voice_id": STRINGS, "voice": STRINGS, "model_type": STRINGS, "model": STRINGS, "prompt": STRINGS,
    "speed": {"integer", "fraction", "long integer"}, "format": STRINGS, "output_format": STRINGS,
    "sample_rate_hertz": {"integer", "long integer"}, "output_bitrate_kbps": {"integer", "long integer"},
    "speaker_type": STRINGS, "voice_speaker_1": STRINGS, "voice_speaker_2": STRINGS, "delivery_mode": STRINGS,
    "webhook_url": STRINGS, "metadata": {"object", "object of one"},
}  # fmt: skip


@pytest.mark.parametrize("field", TYPES_OF_FIELD)
def test_a_value_of_the_wrong_type_is_refused_and_names_the_field(
    api: ApiClient, voices, subtests: pytest.Subtests, field: str
):
    wrong_values = {name: value for name, value in ONE_OF_EACH_TYPE.items() if name not in TYPES_OF_FIELD[field]}
    for name, value in wrong_values.items():
        with subtests.test(name), own_counters():
            error = refused(api, BODY | {field: value})
            assert list(error["details"]) == [field]
            assert error["message"].startswith(f"{field}: ")


@pytest.mark.parametrize(
    "change, field, message",
    [
        ({"text": ""}, "text", "This field may not be blank."),
        ({"text": "   "}, "text", "This field may not be blank."),
        ({"text": "\n\t\r\u2003\u3000"}, "text", "This field may not be blank."),
        ({"voice_id": ""}, "voice_id", "This field may not be blank."),
        ({"voice_id": "x" * 161}, "voice_id", "Ensure this field has no more than 160 characters."),
        ({"voice": "espeak:en-GB-eSpeak-Lee"}, "voice", "Must be the same as voice_id."),
        ({"model_type": "basic"}, "model_type", '"basic" is not a valid choice.'),
        ({"model_type": "Premium"}, "model_type", '"Premium" is not a valid choice.'),
        ({"speed": 0.2499}, "speed", "Must be between 0.25 and 4.0."),
        ({"speed": 4.0001}, "speed", "Must be between 0.25 and 4.0."),
        ({"speed": 0}, "speed", "Must be between 0.25 and 4.0."),
        ({"speed": -1}, "speed", "Must be between 0.25 and 4.0."),
        ({"speed": 1e308}, "speed", "Must be between 0.25 and 4.0."),
        ({"speed": 10**400}, "speed", "Must be between 0.25 and 4.0."),
        ({"format": "html"}, "format", '"html" is not a valid choice.'),
        ({"output_format": "flac"}, "output_format", '"flac" is not a valid choice.'),
        ({"output_format": "WAV"}, "output_format", '"WAV" is not a valid choice.'),
        (
            {"sample_rate_hertz": 11025},
            "sample_rate_hertz",
            "Must be one of 8000, 12000, 16000, 22050, 24000, 44100, 48000.",
        ),
        (
            {"sample_rate_hertz": 0},
            "sample_rate_hertz",
            "Must be one of 8000, 12000, 16000, 22050, 24000, 44100, 48000.",
        ),
        ({"speaker_type": "both"}, "speaker_type", '"both" is not a valid choice.'),
        ({"delivery_mode": "later"}, "delivery_mode", '"later" is not a valid choice.'),
        (
            {"webhook_url": "https://example.com/" + "x" * 2029},
            "webhook_url",
            "Ensure this field has no more than 2048 characters.",
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_value_that_is_not_offered_is_refused_and_names_the_field(
    api: ApiClient, voices, change: dict[str, Any], field: str, message: str
):
    error = refused(api, BODY | change)
    assert error["details"] == {field: [message]}
    assert error["message"] == f"{field}: {message}"


@pytest.mark.parametrize("body, field", [({"voice_id": ANNIE}, "text"), ({"text": "Hello."}, "voice_id")])
def test_a_missing_field_is_named(api: ApiClient, voices, body: dict[str, Any], field: str):
    assert refused(api, body)["details"] == {field: ["This field is required."]}


@pytest.mark.parametrize("name", ["colour", "Text", "text ", "sample_rate", "speeed", "", "__proto__", "é", "voiceId"])
def test_an_unknown_field_is_named(api: ApiClient, voices, name: str):
    assert refused(api, BODY | {name: 1})["details"] == {name: ["Unknown field."]}


def test_every_fault_of_a_request_is_told_at_once(api: ApiClient, voices):
    error = refused(api, {"speed": "fast", "format": "html", "colour": "red"})
    assert error["details"] == {
        "text": ["This field is required."],
        "speed": ["A number is required."],
        "format": ['"html" is not a valid choice.'],
        "colour": ["Unknown field."],
    }


def test_many_and_long_faults_make_no_long_answer(api: ApiClient, voices):
    response = api.post(PATH, BODY | {f"field {number}": 1 for number in range(15_000)})
    assert len(error_of(response, 400, "VALIDATION_ERROR")["details"]) == 100
    assert len(response.content) < 10_000
    for body in (
        BODY | {"model_type": "x" * 1_000_000},
        BODY | {"x" * 1_000_000: 1},
        BODY | {"format": ["y" * 1_000_000]},
    ):
        response = api.post(PATH, body)
        error_of(response, 400, "VALIDATION_ERROR")
        assert len(response.content) < 2_000


# --- sizes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "limit, text", [(500_000, "a" * 499_997 + "中"), (500_000, "é" * 250_000), (9, "\U0001f600ab中")]
)
def test_a_text_of_exactly_the_limit_in_bytes_is_taken_and_one_byte_more_is_not(voices, limit: int, text: str):
    api = ApiClient(make_key(make_account(credits=1_000))[1])
    if limit == 9:
        Voice.objects.update(max_text_bytes=9)
    assert len(text.encode()) == limit
    data = data_of(api.post(PATH, BODY | {"text": text}), 202)
    assert data["chars_charged"] == len(text)
    error = refused(api, BODY | {"text": text + "b"})
    message = f"The text is {limit + 1:,} bytes. Annie accepts at most {limit:,} bytes."
    assert error["details"] == {"text": [message]}


def metadata_of_bytes(size: int) -> dict[str, str]:
    """Compact UTF-8 JSON of exactly this size."""
    value = "é" * ((size - 8) // 2) + "a" * (size % 2)
    metadata = {"a": value}
    assert len(json.dumps(metadata, ensure_ascii=False, separators=(",", ":")).encode()) == size
    return metadata


def test_metadata_of_four_kibibytes_is_taken_and_one_byte_more_is_not(api: ApiClient, voices):
    data = data_of(api.post(PATH, BODY | {"metadata": metadata_of_bytes(4096)}), 202)
    assert data_of(api.get(data["poll_url"]))["metadata"] == metadata_of_bytes(4096)
    error = refused(api, BODY | {"metadata": metadata_of_bytes(4097)})
    assert error["details"] == {"metadata": ["The JSON is 4,097 bytes. The maximum is 4,096 bytes."]}


# --- anything whatever ---------------------------------------------------------------------------

anything = hypothesis_settings(
    database=None, deadline=None, max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
STRINGS_WITH_ANYTHING = st.text(st.characters(exclude_categories=[]), max_size=12)
NUMBERS = st.integers() | st.floats() | st.sampled_from([0, -1, 1e308, 2**63, 10**4000, 24000, 64])
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | STRINGS_WITH_ANYTHING,
    lambda values: st.lists(values, max_size=3) | st.dictionaries(STRINGS_WITH_ANYTHING, values, max_size=3),
    max_leaves=8,
)
OFFERED = st.sampled_from(
    [
        ANNIE,
        "espeak:en-GB-eSpeak-Lee",
        "premium",
        "ultra",
        "text",
        "ssml",
        "markup",
        "wav",
        "mp3",
        "ogg_opus",
        8000,
        12000,
        22050,
        48000,
        32,
        320,
        1.0,
        0.25,
        "single",
        "multi",
        "async",
        "stream",
        {"a": None},
    ]
)
REQUESTS = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(TYPES_OF_FIELD, VALUES | OFFERED) | {"colour": VALUES},
).map(lambda fields: BODY | fields)


@pytest.fixture
def tireless(account: Account, api: ApiClient, voices) -> ApiClient:
    """No limit on its requests."""
    Account.objects.filter(pk=account.pk).update(generate_limit_override=10**6)
    return api


def check_answer(api: ApiClient, raw: bytes) -> int:
    """Accepted whole, or refused in the envelope without a trace. Returns the status."""
    before = everything_that_costs()
    response = api.post(PATH, raw=raw)
    if response.status_code == 202:
        data_of(response, 202)
        assert len(everything_that_costs()[0]) == len(before[0]) + 1
    else:
        assert 400 <= response.status_code < 500, response.content
        error_of(response, response.status_code, response.json()["error"]["code"])
        assert everything_that_costs() == before
    return int(response.status_code)


@given(body=REQUESTS)
@anything
def test_any_json_object_is_accepted_or_refused_but_nothing_breaks(tireless: ApiClient, body: dict[str, Any]):
    check_answer(tireless, json.dumps(body).encode())


@given(value=VALUES)
@anything
def test_any_json_value_is_refused_in_the_envelope(tireless: ApiClient, value: Any):
    assert check_answer(tireless, json.dumps(value).encode()) == 400


@given(raw=st.binary(min_size=1, max_size=60) | st.text(min_size=1, max_size=30).map(str.encode))
@anything
def test_any_bytes_are_refused_in_the_envelope(tireless: ApiClient, raw: bytes):
    assert check_answer(tireless, raw) == 400


@given(position=st.integers(0, len(VALID) - 1), junk=st.binary(min_size=1, max_size=3), cut=st.integers(0, 3))
@anything
def test_any_damage_to_a_good_request_is_harmless(tireless: ApiClient, position: int, junk: bytes, cut: int):
    assert check_answer(tireless, VALID[:position] + junk + VALID[position + cut :]) in {202, 400}


@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40))
@anything
def test_any_text_is_billed_by_its_code_points_and_kept_as_it_is(tireless: ApiClient, text: str):
    response = tireless.post(PATH, BODY | {"text": text})
    if not text.strip():
        error_of(response, 400, "VALIDATION_ERROR")
        return
    data = data_of(response, 202)
    assert data["chars_charged"] == len(text)
    assert Job.objects.get(pk=data["job_id"]).text == text
