"""The cast:

Alice owns Acme, Bob is a member of it, Charlie belongs to Globex. Made by the services the product uses.
"""

import uuid
from datetime import datetime
from decimal import Decimal

from allauth.account.models import EmailAddress

from accounts.admission import Admission, admit_operator
from accounts.models import Account, ApiKey, Membership, Plan, Role, User
from accounts.services.api_keys import issue_key
from accounts.services.audit import COMMAND_LINE, SYSTEM
from billing.money import parse_credits
from billing.services.ledger import grant_credits
from tts.models import Job, JobStatus
from voices.models import Sample, Voice

PASSWORD = "correct horse battery staple"


def make_account(name: str = "Acme", *, plan: str = "enterprise", credits: str | int | Decimal = 100) -> Account:
    account = Account.objects.create(name=name, plan=Plan.objects.get(pk=plan))
    amount = parse_credits(str(credits))
    if amount:
        grant_credits(account=account, amount_microcredits=amount, actor="test", note="To begin with.")
    return account


def make_admission(account: Account, *, api_key: ApiKey | None = None) -> Admission:
    """Of a request that `submit_job` may be called for."""
    return admit_operator(account=account, api_key=api_key, actor=COMMAND_LINE)


def make_user(email: str, account: Account | None = None, role: Role = Role.OWNER) -> User:
    user = User.objects.create_user(email, PASSWORD)
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)
    if account is not None:
        Membership.objects.create(account=account, user=user, role=role)
    return user


def make_key(
    account: Account, *, name: str = "Test", scopes: tuple[str, ...] = ("speech:write", "speech:read"),
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:  # fmt: skip
    return issue_key(
        account=account, name=name, actor=SYSTEM, reason="For a test.", scopes=scopes, expires_at=expires_at
    )


def make_job(account: Account, *, status: JobStatus = JobStatus.PENDING, text: str = "Hello there.", **fields) -> Job:
    """A row as submit_job would write it, but free of charge (cost 0) unless `cost_microcredits` says otherwise."""
    values = {
        "voice_id": "espeak:en-US-eSpeak-Annie",
        "provider": "espeak",
        "queue": "speech.espeak",
        "output_format": "wav",
        "sample_rate_hertz": 22050,
        "chars_charged": len(text),
        "cost_microcredits": 0,
    } | fields
    return Job.objects.create(id=uuid.uuid4(), account=account, status=status, text=text, **values)


def make_many_voices(count: int) -> None:
    """Instead of those that are there: as a cloud's catalogue has them, in 150 languages, each with three samples."""
    Voice.objects.all().delete()
    voices = Voice.objects.bulk_create(
        Voice(
            voice_id=f"polly:en-{number}-Neural-Voice{number}", name=f"Voice{number}", provider="polly",
            family="Neural", language=f"en-{number % 150}", language_name=f"English ({number % 150})", gender="female",
            model_type="premium", output_formats=["mp3"], sample_rates=[24000], native_rate_hertz=24000,
            max_text_bytes=100_000, max_stream_bytes=5000, engine_voice="v", supports_ssml=True,
        )
        for number in range(count)
    )  # fmt: skip
    Sample.objects.bulk_create(
        build_made_sample(voice, kind, peaks=bytes((number * 7 + place * 3 + x * 13) % 256 for x in range(240)))
        for place, kind in enumerate(("story", "dialogue", "news"))
        for number, voice in enumerate(voices)
    )


def build_made_sample(
    voice: Voice, kind: str = "sentence", *, text: str = "Hello.", peaks: bytes = bytes(range(240))
) -> Sample:
    """As a worker leaves it behind, without the audio; not saved."""
    name = voice.voice_id.partition(":")[2]
    return Sample(
        voice=voice, kind=kind, text=text, version="0", made_version="0", key=f"samples/{name}-{kind}.mp3",
        peaks=peaks, duration_ms=4_000,
    )  # fmt: skip
