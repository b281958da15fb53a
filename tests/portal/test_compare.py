"""`/voices/compare`: what a visitor sees of up to five voices, and what comes of a text for them."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.files.base import ContentFile
from django.test import Client
from django.utils import timezone

from accounts.models import Maintenance
from tests.factories import build_made_sample
from tests.support.audio import measure_audio
from tests.support.envelopes import ANNIE
from tests.support.rows import text_of
from tests.support.voice_previews import LEE, TEXT
from tests.support.workers import QUEUE
from tts.models import VoicePreview
from tts.services.voice_previews import KEPT, speak_auditions, sweep_auditions
from tts.storage import store
from voices.models import Voice
from voices.selectors import usable_voices

RUSSIAN = "espeak:ru-RU-eSpeak-Annie"
SIGNED = re.compile(r'href="(/audio/auditions/[^"]+)"')


@pytest.fixture(autouse=True)
def _voices(voices: None) -> None:
    """Every page here is about voices."""


def address(*voice_ids: str, text: str = "", path: str = "/voices/compare") -> str:
    return f"{path}?{urlencode([('voice', voice_id) for voice_id in voice_ids] + ([('text', text)] if text else []))}"


def page_of(client: Client, *voice_ids: str, text: str = "") -> str:
    answer = client.get(address(*voice_ids, text=text))
    assert answer.status_code == 200
    return answer.content.decode()


def speak(client: Client, *voice_ids: str, text: str = TEXT, **environment: Any) -> Any:
    return client.post("/voices/compare", {"voice": voice_ids, "text": text}, **environment)


def columns(page: str) -> list[str]:
    return re.findall(r'<th scope="col">([^<]*)</th>', page)


def refused(answer: Any, message: str, *, status: int = 400) -> str:
    """The page, after checking that it says so and that nothing is to be made."""
    assert answer.status_code == status
    page = str(answer.content.decode())
    assert "<title>No speech was generated · Utterance</title>" in page
    assert message in text_of(page.split('role="alert"')[1].split("</ul>")[0])
    assert not VoicePreview.objects.exists()
    return page


# --- which voices ---------------------------------------------------------------------------------


def test_without_a_voice_it_says_where_they_are_chosen(client):
    page = page_of(client)
    assert "No voices selected" in page
    assert 'href="/voices"' in page
    assert "<form" not in page.split("<main")[1].split("</main>")[0]


def test_voices_stand_side_by_side_in_the_order_of_the_address_with_a_sentence_to_begin_with(client):
    page = page_of(client, LEE, ANNIE)
    assert columns(page) == ["Lee", "Annie"]
    assert "All human beings are born free and equal in dignity and rights." in page
    text = text_of(page)
    for told in ("Credits per 1,000 characters", "Your text goes to This server", "SSML", "Longest stream"):
        assert told in text
    assert f"/playground?voice_id={LEE.replace(':', '%3A')}" in page
    assert f'href="/voices/compare?voice={ANNIE.replace(":", "%3A")}"' in page  # remove Lee
    assert columns(page_of(client, ANNIE, RUSSIAN)) == ["Annie, English (United States)", "Annie, Russian (Russia)"]
    assert "different languages" not in page
    assert "different languages" in page_of(client, LEE, RUSSIAN)


def test_five_fit_and_the_sixth_is_left_out_and_told(client):
    ids = list(usable_voices().values_list("voice_id", flat=True)[:6])
    assert len(columns(page_of(client, *ids[:5]))) == 5
    assert "not shown" not in page_of(client, *ids[:5], ids[0])  # twice is once
    page = page_of(client, *ids)
    assert len(columns(page)) == 5
    assert "1 voice is not shown. You can compare up to 5 available voices." in text_of(page)


@pytest.mark.parametrize("unknown", ["espeak:en-US-eSpeak-Nobody", "x" * 5000, "a\0b", "\u0085\ufffe", "' OR 1=1"])
def test_a_voice_that_does_not_speak_here_is_left_out_and_told(client, unknown):
    page = page_of(client, unknown, ANNIE)
    assert columns(page) == ["Annie"]
    assert "1 voice is not shown" in text_of(page)
    Voice.objects.filter(voice_id=ANNIE).update(is_enabled=False)
    page = page_of(client, unknown, ANNIE)
    assert "No voices selected" in page
    assert "2 voices are not shown" in text_of(page)
    refused(speak(client, unknown, ANNIE), "Select a voice first.")
    assert client.get(address(unknown, text="x", path="/voices/compare/sound")).status_code == 404


def test_from_the_gallery_it_leads_to_its_own_address_with_all_that_was_ticked(client):
    ids = list(usable_voices().values_list("voice_id", flat=True)[:6])
    answer = client.get(f"{address(*ids)}&q=&language=&gender=female")
    assert (answer.status_code, answer.headers["Location"]) == (302, address(*ids))


def test_it_is_not_for_search_engines_nor_for_caches(client):
    answer = client.get(address(ANNIE, text=TEXT))
    assert '<meta name="robots" content="noindex">' in answer.content.decode()
    assert "no-store" in answer.headers["Cache-Control"]
    assert "Disallow: /voices/compare" in client.get("/robots.txt").content.decode()
    head = client.head(address(ANNIE, text=TEXT))
    assert (head.status_code, head.content) == (200, b"")
    assert client.put("/voices/compare").status_code == 405


def test_five_voices_with_their_sounds_cost_few_queries(client, django_assert_max_num_queries):
    ids = list(usable_voices().filter(provider="espeak").values_list("voice_id", flat=True)[:5])
    speak(client, *ids)
    speak_auditions(queue=QUEUE)
    with django_assert_max_num_queries(4):
        page = client.get(address(*ids, text=TEXT)).content.decode()
    assert len(SIGNED.findall(page)) == 5


# --- a text ---------------------------------------------------------------------------------------


def test_a_text_is_spoken_in_each_voice_and_its_address_can_be_shared(client):
    answer = speak(client, ANNIE, LEE, text="  Platform four\tfor Galway.\r\n")
    shared = address(ANNIE, LEE, text=TEXT)
    assert (answer.status_code, answer.headers["Location"]) == (302, shared)
    waiting = client.get(shared).content.decode()
    assert waiting.count("Generating the audio.") == 2
    assert 'http-equiv="refresh" content="2"' in waiting.split("<noscript>")[1].split("</noscript>")[0]
    assert waiting.count('hx-trigger="every 1s"') == 2

    assert speak_auditions(queue=QUEUE) == 2

    page = Client().get(shared).content.decode()
    assert "refresh" not in page
    assert "hx-get" not in page.split("<main")[1]
    assert f'value="{TEXT}"' in page
    assert len(re.findall(r"Your text\. Generated in (?:less than 0\.1|\d+\.\d) s\.", text_of(page))) == 2
    assert page.count('<svg class="wave"') == 2
    sounds = SIGNED.findall(page)
    assert len(set(sounds)) == 2
    for sound in sounds:
        audio = client.get(sound.replace("&amp;", "&"))
        assert (audio.status_code, audio.headers["Content-Type"]) == (200, "audio/mpeg")
        assert 1.0 < measure_audio(b"".join(audio.streaming_content)).duration_seconds < 3.0
        assert client.get(sound.partition("?")[0]).status_code == 403


def test_the_time_that_it_took_is_told(client):
    speak(client, ANNIE)
    speak_auditions(queue=QUEUE)
    VoicePreview.objects.update(took_ms=420)
    assert "Your text. Generated in 0.4 s." in text_of(page_of(client, ANNIE, text=TEXT))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Enter a text."),
        (" \t\n", "Enter a text."),
        ("\x01\x1f\u200b", "Enter a text."),
        ("Hello\0there", "Null characters are not allowed."),
        ("x" * 121, "The text is longer than 120 characters. Shorten it."),
    ],
)
def test_a_text_that_cannot_be_spoken_is_refused_at_its_field(client, text, message):
    page = refused(speak(client, ANNIE, text=text), message)
    assert 'href="#id_text"' in page
    assert message in text_of(page.split('id="id_text_error"')[1])
    assert 'aria-invalid="true"' in page
    assert columns(page) == ["Annie"]


@pytest.mark.parametrize("text", ["a\x01b", "a\u2028b", "a\u202eb", "a\ufffeb", "a\ue000b"])
def test_what_no_database_or_engine_takes_is_a_space(client, text):
    assert speak(client, ANNIE, text=text).headers["Location"] == address(ANNIE, text="a b")
    assert VoicePreview.objects.get().text == "a b"


def test_an_address_with_odd_characters_is_a_page(client):
    for text in ("%00", "%ED%A0%80", "%FF", "a" * 5000, "%F0%9F%91%A9%E2%80%8D%F0%9F%9A%80"):
        assert client.get(f"/voices/compare?voice={ANNIE}&text={text}").status_code == 200
        assert client.get(f"/voices/compare/sound?voice={ANNIE}&text={text}").status_code == 200
    assert speak(client, ANNIE, text="می\u200cآیند").headers["Location"] == address(ANNIE, text="می\u200cآیند")


def test_letters_that_a_language_does_not_use_are_warned_of(client):
    warning = "which uses a different script"
    assert page_of(client, ANNIE, RUSSIAN, text="Good morning.").count(warning) == 1
    assert page_of(client, ANNIE, RUSSIAN, text="Доброе утро.").count(warning) == 1
    assert warning not in page_of(client, ANNIE, RUSSIAN, text="1, 2, 3.")
    assert warning not in page_of(client, ANNIE, RUSSIAN)


def test_an_engine_that_is_not_free_lets_its_sample_be_heard_and_says_so(client, settings):
    settings.COMPARE_ENGINES = ["kokoro"]
    build_made_sample(Voice.objects.get(voice_id=ANNIE), "story").save()
    assert speak(client, ANNIE, LEE).status_code == 302
    assert not VoicePreview.objects.exists()
    page = page_of(client, ANNIE, LEE, text=TEXT)
    told = "This is a sample. Free previews are not available for this engine. Try your text in the playground."
    assert told in text_of(page)
    assert f'href="/voices/{ANNIE}/samples/story"' in page
    assert page.count("This is a sample.") == 1  # Lee has no sample


def test_in_maintenance_nothing_is_spoken(client):
    Maintenance.objects.create()
    answer = speak(client, ANNIE)
    refused(answer, "down for maintenance", status=503)
    assert answer.headers["Retry-After"] == "300"
    assert client.get(address(ANNIE, text=TEXT)).status_code == 200


def test_a_store_without_room_is_told(client, settings):
    settings.MIN_FREE_BYTES = 10**18
    answer = speak(client, ANNIE)
    refused(answer, "The audio storage is nearly full", status=503)
    assert answer.headers["Retry-After"] == "300"


# --- the part of one voice ------------------------------------------------------------------------


def part(client: Client, text: str = TEXT, voice_id: str = ANNIE) -> str:
    answer = client.get(address(voice_id, text=text, path="/voices/compare/sound"))
    assert answer.status_code == 200
    assert b"<html" not in answer.content
    return str(answer.content.decode())


def test_the_part_of_a_voice_asks_for_itself_until_there_is_something_to_hear(client):
    assert "This voice has no sample yet." in part(client, text="")
    assert "Press the button to hear your text." in part(client)
    page = speak(client, ANNIE, follow=True).content.decode()
    sound = address(ANNIE, text=TEXT, path="/voices/compare/sound")
    assert re.findall(r'hx-get="([^"]+)"', page) == [sound.replace("&", "&amp;")]
    assert client.get(sound).status_code == 204, "what is there stays as it is, and is not read out again"
    speak_auditions(queue=QUEUE)
    assert "hx-get" not in part(client)
    assert SIGNED.search(part(client))
    VoicePreview.objects.update(state="failed")
    assert "The audio could not be generated." in part(client)
    assert "hx-get" not in part(client)


def test_a_voice_that_goes_away_meanwhile_stops_asking(client):
    speak(client, ANNIE, LEE)
    Voice.objects.filter(voice_id=ANNIE).update(unavailable_reason="The engine is broken")
    assert "This voice is no longer available." in part(client)
    assert "hx-get" not in part(client)
    assert columns(page_of(client, ANNIE, LEE, text=TEXT)) == ["Lee"]
    assert client.get("/voices/compare/sound").status_code == 404
    assert client.head(address(LEE, text=TEXT, path="/voices/compare/sound")).status_code == 204


def test_after_an_hour_its_address_offers_to_speak_the_text_again(client):
    speak(client, ANNIE)
    speak_auditions(queue=QUEUE)
    sample = build_made_sample(Voice.objects.get(voice_id=ANNIE), "story")
    sample.save()
    store.audio_storage().save(sample.key, ContentFile(b"ID3"))
    VoicePreview.objects.update(created_at=timezone.now() - KEPT - timedelta(seconds=1))
    sweep_auditions()
    assert "A sample of this voice. Press the button to hear your text." in text_of(page_of(client, ANNIE, text=TEXT))
    assert speak(client, ANNIE).status_code == 302
    assert speak_auditions(queue=QUEUE) == 1
