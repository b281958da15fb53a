"""What an account looks like after a while, written into the database of a running service, for pictures and checks.

`python -m tests.support.furnish OWNER NEWCOMER CAREFUL JOB` in the environment of that service prints the ids and links
that pages have in their addresses, as one JSON object. JOB is one of the owner's that was spoken; the newcomer's
account is one in which nothing has happened yet; the careful one there has a passkey.
"""

import json
import os
import sys
import uuid
from datetime import timedelta

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from allauth.account.forms import default_token_generator  # noqa: E402
from allauth.account.models import EmailAddress, EmailConfirmationHMAC  # noqa: E402
from allauth.account.utils import user_pk_to_url_str  # noqa: E402
from django.utils import timezone  # noqa: E402

from accounts.models import Account, ApiKey, Role, User  # noqa: E402
from accounts.services.audit import SYSTEM  # noqa: E402
from accounts.services.invitations import invite  # noqa: E402
from accounts.services.key_changes import rotate_key  # noqa: E402
from accounts.services.second_factor import add_passkey, get_passkeys  # noqa: E402
from billing.models import Pack, Purchase, PurchaseKind, PurchaseState  # noqa: E402
from billing.services.alerts import raise_alert  # noqa: E402
from billing.services.low_balance import set_low_balance_notice  # noqa: E402
from billing.services.purchases import remember_customer  # noqa: E402
from billing.services.subscriptions import start_subscription  # noqa: E402
from speech.engines.registry import close_engines  # noqa: E402
from tests.factories import PASSWORD, make_account, make_job, make_key, make_user  # noqa: E402
from tests.support.mails import MAILS  # noqa: E402
from tests.support.passkeys import Device  # noqa: E402
from tts.models import JobStatus  # noqa: E402
from tts.services.samples import make_sample, plan_samples  # noqa: E402
from voices.models import Sample  # noqa: E402
from webhooks.models import Attempt, Delivery, Endpoint  # noqa: E402
from webhooks.signing_secrets import encrypt, generate_secret  # noqa: E402

MAIL_HOST = "mails.example"  # each mail of the product goes to an address of its own there


def furnish(owner: str, newcomer: str, careful: str, job_id: str) -> dict[str, str]:
    account = Account.objects.get(memberships__user__email=owner)
    globex = make_account("Globex", plan="free", credits=10)
    make_user(newcomer, globex)
    make_user("bob@acme.example", account, Role.DEVELOPER)
    holder = make_user(careful, globex, Role.VIEWER)
    passkey = Device().make({"user": {"id": "AA"}, "rp": {"id": "localhost"}, "challenge": "AA"})
    codes = add_passkey(user=holder, name="Chrome on Android", credential=passkey)
    invite(account=account, email="dana@acme.example", role=Role.ADMIN, actor=SYSTEM)
    _, invitation = invite(account=globex, email="erin@acme.example", role=Role.VIEWER, actor=SYSTEM)
    plan_samples(["espeak"])
    for sample in Sample.objects.filter(voice__voice_id="espeak:en-GB-eSpeak-Lee").select_related("voice"):
        make_sample(sample)
    close_engines()
    for template, mail in MAILS.items():
        mail.send(f"{template.rpartition('/')[2]}@{MAIL_HOST}", "Acme")
    unconfirmed = User.objects.create_user("finn@acme.example", PASSWORD)
    address = EmailAddress.objects.create(user=unconfirmed, email=unconfirmed.email, primary=True)
    return {
        "mails": str(len(MAILS)),
        "codes": " ".join(codes),
        "passkey": str(get_passkeys(holder).get().pk),
        "confirm": EmailConfirmationHMAC(address).key,
        "invitation": invitation,
        "reset": f"{user_pk_to_url_str(unconfirmed)}-{default_token_generator.make_token(unconfirmed)}",
        "account": str(account.pk),
        "member": str(account.memberships.get(user__email="bob@acme.example").pk),
        "rotated": rotated_key(account),
        "failed": str(make_job(account, status=JobStatus.FAILED, error_message="The engine stopped half-way.").pk),
        "delivery": deliveries(account, job_id),
    } | payments(account)


def rotated_key(account: Account) -> str:
    key: ApiKey = make_key(account, name="Newsletter")[0]
    rotate_key(api_key=key, last_four=key.last_four, overlap_hours=24, actor=SYSTEM, reason="For a picture.")
    return str(key.pk)


def payments(account: Account) -> dict[str, str]:
    remember_customer(account=account, customer_id="cus_1")
    set_low_balance_notice(account=account, threshold_microcredits=10_000_000)
    now, pack = timezone.now(), Pack.objects.all()[0]
    values = {
        "account": account, "kind": PurchaseKind.TOP_UP, "pack": pack, "credits_microcredits": 10**9,
        "price": 1_000, "currency": "usd",
    }  # fmt: skip
    paid = Purchase.objects.create(
        **values, state=PurchaseState.PAID, paid=1_190, paid_at=now, receipt_url="https://pay.example/receipt"
    )
    unpaid = Purchase.objects.create(**values, state=PurchaseState.FAILED)
    subscription = start_subscription(account=account, plan_code="pro", form_token=uuid.uuid4())
    raise_alert(kind="event_refused", reference="evt_1", message="Look at it.", account=account)
    return {"paid": str(paid.pk), "unpaid": str(unpaid.pk), "subscription": str(subscription.pk)}


def deliveries(account: Account, job_id: str) -> str:
    """An endpoint nobody is at, one delivery that arrived and one that was given up; the id of the second."""
    now = timezone.now()
    Endpoint.objects.create(account=account, url="https://hooks.example/speech", secret=encrypt(generate_secret()))
    for state, status in (("delivered", 204), ("failed", 500)):
        row = Delivery.objects.create(
            account=account, event="job.completed", receiver="hooks.example:443", state=state, finished_at=now,
            created_at=now - timedelta(minutes=3), attempts_made=1, job_id=job_id,
        )  # fmt: skip
        Attempt.objects.create(
            delivery=row, number=1, started_at=now, duration_ms=84, status=status, answer="Thank you.",
            outcome="delivered" if status == 204 else "http_error",
        )  # fmt: skip
    return str(row.pk)


if __name__ == "__main__":
    print(json.dumps(furnish(*sys.argv[1:])))
