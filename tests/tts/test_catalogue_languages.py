"""eSpeak's languages in the catalogue: found by tag, and synchronised without a needless write."""

import time

from tts.services.catalogue import sync_catalogue
from voices.models import Voice


def test_a_language_filter_finds_every_accent(db, anonymous, voices) -> None:
    def tags(query: str) -> set[str]:
        answer = anonymous.get(f"/api/v1/voices?{query}").json()["data"]
        assert answer["pages"] == 1
        return {voice["language"] for voice in answer["voices"]}

    assert tags("language=fr") == {"fr-FR", "fr-BE", "fr-CH"}
    assert tags("language=pt-BR") == {"pt-BR"}
    assert tags("language=es") == {"es-ES", "es-419"}
    assert len(tags("language=en")) == 9
    answer = anonymous.get("/api/v1/voices/espeak:fr-FR-eSpeak-Annie").json()["data"]
    assert (answer["language_name"], answer["gender"], answer["supports_ssml"]) == ("French (France)", "female", True)


def test_a_second_sync_writes_nothing_and_is_quick(db, voices, settings, django_assert_num_queries) -> None:
    assert Voice.objects.filter(provider="espeak").count() == 272
    settings.SPEECH_ENGINES = {"espeak": settings.SPEECH_ENGINES["espeak"]}
    sync_catalogue()
    with django_assert_num_queries(6):  # two reads and writes of nothing, each in a savepoint
        started = time.perf_counter()
        sync_catalogue()
        elapsed_s = time.perf_counter() - started
    assert elapsed_s < 0.15


def test_what_an_engine_says_anew_is_written_and_the_operators_switch_is_left_alone(db, voices) -> None:
    Voice.objects.filter(voice_id="espeak:fr-FR-eSpeak-Annie").update(gender="male", is_enabled=False)
    Voice.objects.filter(voice_id="espeak:fr-FR-eSpeak-Lee").update(is_listed=False)
    sync_catalogue()
    annie = Voice.objects.get(voice_id="espeak:fr-FR-eSpeak-Annie")
    assert (annie.gender, annie.is_enabled) == ("female", False)
    assert Voice.objects.get(voice_id="espeak:fr-FR-eSpeak-Lee").is_listed
