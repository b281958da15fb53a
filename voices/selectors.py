"""Reads of the catalogue, and of the names that stand for its voices."""

from collections.abc import Collection
from datetime import timedelta

from django.db.models import Case, Count, Exists, F, OuterRef, Prefetch, Q, QuerySet, When, prefetch_related_objects
from django.utils import timezone

from accounts.models import User
from config.errors import NotFound
from voices.errors import InvalidVoice, ModelNotFound
from voices.installation import get_running_installation
from voices.models import Favourite, ModelAlias, Sample, Voice, VoiceAlias

# What most who come read comes first among equals: a cloud has a thousand voices of one rank, Arabic ones first.
ENGLISH_FIRST = Case(When(language="en-US", then=0), When(language="en-GB", then=1), default=2)
BEST_FIRST = ("-quality", "rank", ENGLISH_FIRST, "language", "provider", "name", "voice_id")
BY_NAME = ("name", "language", "provider", "voice_id")
# Of a sample among those of its voice, which has either a sentence or the other three.
SAMPLE_PLACE = Case(When(kind="dialogue", then=1), When(kind="news", then=2), default=0)
SAMPLE_CLAIM = timedelta(minutes=5)  # then its worker is taken for dead
SAMPLE_PAUSE = timedelta(days=1)  # before an engine is asked again that could not make a sample


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
    """Voices that work here and now, the best first, or by name if `sort` is "name".

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
    """The voice to begin with where nobody has chosen one: the best that works here now, and speaks English where there
    is such a voice, for our examples do. None while no voice works.
    """
    return list_voices(language="en").first() or list_voices().first()


def list_languages_and_providers() -> tuple[list[tuple[str, str]], list[str]]:
    """What is here to choose from now: locales with their names, by name, and providers. One query."""
    rows = usable_voices().order_by("language_name", "language")
    found = list(rows.values_list("language", "language_name", "provider").distinct())
    return list({code: name for code, name, _ in found}.items()), sorted({provider for _, _, provider in found})


def with_favourites(voices: QuerySet[Voice], user: User) -> QuerySet[Voice]:
    """The same, each with `is_favourite`."""
    return voices.annotate(is_favourite=Exists(Favourite.objects.filter(user=user, voice=OuterRef("pk"))))


def list_favourites(user: User) -> QuerySet[Voice]:
    return list_voices().filter(favourites__user=user)


def is_favourite(*, user: User, voice: Voice) -> bool:
    return Favourite.objects.filter(user=user, voice=voice).exists()


def usable_voices() -> QuerySet[Voice]:
    return Voice.objects.filter(is_enabled=True, is_listed=True, unavailable_reason="")


def samples_to_make(*, providers: Collection[str]) -> QuerySet[Sample]:
    """Those of usable voices that are not made yet, or of something else, but for those that a worker makes now and
    those whose engine failed of late.
    """
    now = timezone.now()
    is_free = Q(claimed_at=None) | Q(claimed_at__lt=now - SAMPLE_CLAIM)
    may_be_asked = Q(failed_at=None) | Q(failed_at__lt=now - SAMPLE_PAUSE)
    voices = usable_voices().filter(provider__in=providers)
    return Sample.objects.filter(is_free, may_be_asked, voice__in=voices).exclude(made_version=F("version"))


def made_samples() -> QuerySet[Sample]:
    """What can be heard, in the order in which it is shown."""
    return Sample.objects.exclude(key="").order_by(SAMPLE_PLACE)


def get_made_sample(*, voice_id: str, kind: str = "") -> Sample | None:
    """Of a voice that works here; without `kind` its first."""
    samples = made_samples().filter(voice__in=usable_voices().filter(voice_id=voice_id))
    return (samples.filter(kind=kind) if kind else samples).first()


def with_samples(voices: QuerySet[Voice]) -> QuerySet[Voice]:
    """The same voices; their `samples.all()` are the made ones, for one query more."""
    return voices.prefetch_related(Prefetch("samples", queryset=made_samples()))


def attach_samples(voices: list[Voice]) -> None:
    """The same for voices that were fetched already."""
    prefetch_related_objects(voices, Prefetch("samples", queryset=made_samples()))


def get_public_voice(voice_id: str) -> Voice:
    """Returns it with its samples. Raises NotFound."""
    voice = with_samples(usable_voices()).filter(voice_id=voice_id).first()
    if voice is None:
        raise NotFound("Voice not found.")
    return voice


def has_voices(provider: str) -> bool:
    """Whether the provider was ever asked for its voices, with success."""
    return Voice.objects.filter(provider=provider).exists()


def usable_providers() -> list[str]:
    """Those with a voice that works, whether or not an operator lets it be heard."""
    return list(
        Voice.objects.filter(is_listed=True, unavailable_reason="").values_list("provider", flat=True).distinct()
    )


def list_families() -> list[tuple[str, str, str, int]]:
    """Provider, family, model type and count of the voices that work, whether or not an operator lets them be heard."""
    rows = Voice.objects.filter(is_listed=True, unavailable_reason="").order_by("provider", "family", "model_type")
    return list(rows.values_list("provider", "family", "model_type").annotate(voices=Count("pk")))


def get_voice_for_speech(voice_id: str) -> Voice:
    """Raises InvalidVoice, saying whether it is unknown, disabled or out of reach."""
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
    """Raises ModelNotFound, also for one that an operator disabled."""
    model = ModelAlias.objects.filter(name=name, is_enabled=True).first()
    if model is None:
        raise ModelNotFound(f"The model {name[:80]!r} does not exist. GET /v1/models lists the available models.")
    return model


def get_voice_for_model(*, model: ModelAlias, name: str) -> Voice:
    """The voice behind a name, or the one whose id it is. Raises InvalidVoice.

    Of the voices that a name stands for, the first that is usable here and of the model's type.
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
