"""Reads from the catalogue of voices and from the names that stand for them."""

from collections.abc import Collection
from datetime import timedelta

from django.db.models import Case, Count, Exists, F, OuterRef, Prefetch, Q, QuerySet, When, prefetch_related_objects
from django.utils import timezone

from accounts.models import User
from config.errors import NotFound
from voices.errors import InvalidVoice, ModelNotFound
from voices.installation import get_running_installation
from voices.models import Favourite, ModelAlias, Sample, Voice, VoiceAlias

# English first among equals, for most visitors: a cloud provider has a thousand voices of one rank, Arabic ones first.
ENGLISH_FIRST = Case(When(language="en-US", then=0), When(language="en-GB", then=1), default=2)
BEST_FIRST = ("-quality", "rank", ENGLISH_FIRST, "language", "provider", "name", "voice_id")
BY_NAME = ("name", "language", "provider", "voice_id")
# The order of a voice's samples; it has either a sentence or the other three.
SAMPLE_PLACE = Case(When(kind="dialogue", then=1), When(kind="news", then=2), default=0)
SAMPLE_CLAIM = timedelta(minutes=5)  # after that, its worker is presumed dead
SAMPLE_PAUSE = timedelta(days=1)  # before an engine that failed to generate a sample is tried again


def list_voices(
    *,
    language: str = "",
    provider: str = "",
    model_type: str = "",
    gender: str = "",
    quality: str = "",
    q: str = "",
    sort: str = "",
) -> QuerySet[Voice]:
    """Returns the usable voices, the best first, or by name if `sort` is "name".

    `language` is a locale ("en-US") or all locales of a language ("en").
    """
    found = usable_voices()
    if language:
        found = found.filter(Q(language__iexact=language) | Q(language__istartswith=f"{language}-"))
    exact = {"provider": provider, "model_type": model_type, "gender": gender, "quality": quality}
    for field, value in exact.items():
        if value:
            found = found.filter(**{f"{field}__iexact": value})
    for word in q.split():
        found = found.filter(
            Q(name__icontains=word)
            | Q(voice_id__icontains=word)
            | Q(language_name__icontains=word)
            | Q(family__icontains=word)
        )
    return found.order_by(*(BY_NAME if sort == "name" else BEST_FIRST))


def get_default_voice() -> Voice | None:
    """Returns the preselected voice: the best usable one that speaks English, like our examples, else the best of all.

    None if no voice works.
    """
    return list_voices(language="en").first() or list_voices().first()


def list_languages_and_providers() -> tuple[list[tuple[str, str]], list[str]]:
    """Returns the available locales with their names, sorted by name, and the providers. One query."""
    rows = usable_voices().order_by("language_name", "language")
    found = list(rows.values_list("language", "language_name", "provider").distinct())
    return list({code: name for code, name, _ in found}.items()), sorted({provider for _, _, provider in found})


def with_favourites(voices: QuerySet[Voice], user: User) -> QuerySet[Voice]:
    """Annotates each voice with `is_favourite`."""
    return voices.annotate(is_favourite=Exists(Favourite.objects.filter(user=user, voice=OuterRef("pk"))))


def list_favourites(user: User) -> QuerySet[Voice]:
    return list_voices().filter(favourites__user=user)


def is_favourite(*, user: User, voice: Voice) -> bool:
    return Favourite.objects.filter(user=user, voice=voice).exists()


def usable_voices() -> QuerySet[Voice]:
    return Voice.objects.filter(is_enabled=True, is_listed=True, unavailable_reason="")


def samples_to_make(*, providers: Collection[str]) -> QuerySet[Sample]:
    """Returns the samples of usable voices that are missing or outdated.

    Leaves out those that a worker is generating, and those whose engine failed recently.
    """
    now = timezone.now()
    is_free = Q(claimed_at=None) | Q(claimed_at__lt=now - SAMPLE_CLAIM)
    may_be_asked = Q(failed_at=None) | Q(failed_at__lt=now - SAMPLE_PAUSE)
    voices = usable_voices().filter(provider__in=providers)
    return Sample.objects.filter(is_free, may_be_asked, voice__in=voices).exclude(made_version=F("version"))


def made_samples() -> QuerySet[Sample]:
    """Returns the samples that have audio, in the order in which they are shown."""
    return Sample.objects.exclude(key="").order_by(SAMPLE_PLACE)


def get_made_sample(*, voice_id: str, kind: str = "") -> Sample | None:
    """Returns a sample of a usable voice, without `kind` its first one."""
    samples = made_samples().filter(voice__in=usable_voices().filter(voice_id=voice_id))
    return (samples.filter(kind=kind) if kind else samples).first()


def with_samples(voices: QuerySet[Voice]) -> QuerySet[Voice]:
    """Prefetches the samples with audio as `samples.all()`, in one more query."""
    return voices.prefetch_related(Prefetch("samples", queryset=made_samples()))


def attach_samples(voices: list[Voice]) -> None:
    """Does the same for voices that were already fetched."""
    prefetch_related_objects(voices, Prefetch("samples", queryset=made_samples()))


def get_public_voice(voice_id: str) -> Voice:
    """Returns a usable voice with its samples. Raises NotFound."""
    voice = with_samples(usable_voices()).filter(voice_id=voice_id).first()
    if voice is None:
        raise NotFound("Voice not found.")
    return voice


def has_voices(provider: str) -> bool:
    """Whether the provider's voices were ever listed successfully."""
    return Voice.objects.filter(provider=provider).exists()


def usable_providers() -> list[str]:
    """Returns the providers with a working voice, including voices that an operator disabled."""
    return list(
        Voice.objects.filter(is_listed=True, unavailable_reason="").values_list("provider", flat=True).distinct()
    )


def list_families() -> list[tuple[str, str, str, int]]:
    """Returns provider, family, model type and count of the working voices, including disabled ones."""
    rows = Voice.objects.filter(is_listed=True, unavailable_reason="").order_by("provider", "family", "model_type")
    return list(rows.values_list("provider", "family", "model_type").annotate(voices=Count("pk")))


def get_voice_for_speech(voice_id: str) -> Voice:
    """Returns a voice. Raises InvalidVoice, which says whether it is unknown, disabled or unavailable."""
    voice = Voice.objects.filter(voice_id=voice_id).first()
    if voice is None or not voice.is_listed:
        raise InvalidVoice(f"There is no voice {voice_id[:160]!r}. GET /api/v1/voices lists them.")
    if not voice.is_enabled:
        raise InvalidVoice(f"The voice {voice.voice_id} is disabled.")
    if voice.unavailable_reason:
        installation = get_running_installation()
        is_coming = installation is not None and installation.provider == voice.provider
        reason = installation.reason if installation and is_coming else voice.unavailable_reason
        raise InvalidVoice(f"The voice {voice.voice_id} is not available here: {reason}.")
    return voice


def list_model_aliases() -> QuerySet[ModelAlias]:
    return ModelAlias.objects.filter(is_enabled=True).order_by("name")


def get_model_alias(name: str) -> ModelAlias:
    """Returns an enabled alias. Raises ModelNotFound."""
    model = ModelAlias.objects.filter(name=name, is_enabled=True).first()
    if model is None:
        raise ModelNotFound(f"The model {name[:80]!r} does not exist. GET /v1/models lists the available models.")
    return model


def get_voice_for_model(*, model: ModelAlias, name: str) -> Voice:
    """Returns the voice for a name or a voice id. Raises InvalidVoice.

    If the name stands for several voices, returns the first that is usable and of the model's type.
    """
    if ":" in name:
        return get_voice_for_speech(name)
    alias = VoiceAlias.objects.filter(name=name, is_enabled=True).first()
    if alias is None:
        known = ", ".join(VoiceAlias.objects.filter(is_enabled=True).order_by("name").values_list("name", flat=True))
        raise InvalidVoice(
            f"There is no voice {name[:80]!r}. Use one of {known}, or the voice_id of any voice in GET /api/v1/voices."
        )
    voices = usable_voices().filter(voice_id__in=alias.voice_ids)
    if model.model_type:
        voices = voices.filter(model_type=model.model_type)
    voice = min(voices, key=lambda voice: alias.voice_ids.index(voice.voice_id), default=None)
    if voice is None:
        raise InvalidVoice(f"None of the voices of {alias.name!r} is currently available for {model.name}.")
    return voice
