"""What the lists under /admin may be asked for: their own filters, search and pages, and no column beside those.

A list that filters by a column tells its values letter by letter, whether it shows them or not.
"""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.admin.exceptions import DisallowedModelAdminToField
from django.contrib.admin.sites import site
from django.db import connection
from django.db.models import Field, Model
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext

from accounts.admin import UserAdmin
from accounts.models import Account, AuditEntry, User
from accounts.operator_admin import OperatorAdmin, audit_url
from accounts.operator_lists import OperatorList
from tests.factories import make_account, make_job, make_key
from tts.models import Job, JobStatus
from voices.models import Voice

# Every parameter that a list offers, beside its pages. Written by hand: a new one is to be thought about.
ACCOUNT = {"account__id__exact"}
OFFERED: dict[str, set[str]] = {
    "accounts.Account": {"plan__code__exact", "plan__isnull"},
    "accounts.ApiKey": ACCOUNT,
    "accounts.AuditEntry": ACCOUNT | {"target_type", "target_id"},
    "accounts.Plan": set(),
    "accounts.User": {"is_staff__exact", "is_staff__isnull", "is_active__exact", "is_active__isnull"},
    "billing.LedgerEntry": ACCOUNT | {"kind__exact", "kind__isnull"},
    "billing.OperatorAlert": {"kind", "kind__isnull"},
    "billing.Pack": set(),
    "billing.Price": set(),
    "billing.Purchase": ACCOUNT | {"state__exact", "state__isnull", "kind__exact", "kind__isnull"},
    "billing.StripeEvent": set(),
    "billing.Subscription": {"state__exact", "state__isnull", "plan__code__exact", "plan__isnull"},
    "tts.Job": ACCOUNT | {"status__exact", "status__isnull", "provider"},
    "voices.ModelAlias": set(),
    "voices.Voice": {
        "q", "provider", "provider__isnull", "model_type", "model_type__isnull", "gender", "gender__isnull", "quality",
        "quality__isnull",
        "is_enabled__exact", "is_enabled__isnull", "is_listed__exact", "is_listed__isnull",
    },
    "voices.VoiceAlias": set(),
    "webhooks.Delivery": ACCOUNT | {"state__exact", "state__isnull", "event__exact", "event__isnull"},
    "webhooks.Endpoint": set(),
}  # fmt: skip
LOOKUPS = (
    "", "__exact", "__iexact", "__startswith", "__istartswith", "__contains", "__icontains", "__endswith", "__regex",
    "__iregex", "__gt", "__gte", "__lt", "__lte", "__in", "__range", "__isnull", "__date", "__year", "__has_key",
)  # fmt: skip
RELATED_LOOKUPS = ("", "__startswith", "__regex", "__gt", "__isnull")  # of the many fields that relations lead to
MACHINERY = ("o", "q", "all", "_facets", "_popup", "_to_field", "_changelist_filters", "_source_model", "nonsense")
admins = pytest.mark.parametrize("model", site._registry, ids=lambda model: model._meta.label)


def parameters_of(model: type[Model]) -> Iterator[str]:
    """Lookups of every field of a model, and of every field of what it is related to, either way."""
    for field in model._meta.get_fields():
        names = {field.name, field.attname} if isinstance(field, Field) else {field.name}
        yield from (f"{name}{lookup}" for name in names for lookup in LOOKUPS)
        if field.is_relation and field.related_model:
            related = [f"{field.name}__{other.name}" for other in field.related_model._meta.get_fields()]
            yield from (f"{path}{lookup}" for path in related for lookup in RELATED_LOOKUPS)


def asked(model: type[Model], user: User, parameters: dict[str, str]) -> tuple[int, list[str]]:
    """The status of the list, as its view answers, and the queries on the way that name the table of the list."""
    request = RequestFactory().get("/admin/", parameters)
    request.user = user
    with CaptureQueriesContext(connection) as queries:
        response = site._registry[model].changelist_view(request)
    table = f'"{model._meta.db_table}"'
    return response.status_code, [query["sql"] for query in queries if table in query["sql"]]


@admins
def test_a_list_is_filtered_by_what_it_offers_and_by_no_other_field(model: type[Model], sam: User):
    tried = set(parameters_of(model)) - OFFERED[model._meta.label]
    assert len(tried) >= 40
    for parameter in tried:
        status, queries = asked(model, sam, {parameter: "a"})
        assert (parameter, status, queries) == (parameter, 400, [])


@admins
def test_nor_is_it_sorted_searched_or_turned_round_otherwise_than_it_offers(model: type[Model], sam: User):
    for parameter in set(MACHINERY) - OFFERED[model._meta.label]:
        status, queries = asked(model, sam, {parameter: "1"})
        assert (parameter, status, queries) == (parameter, 400, [])


@admins
def test_what_it_offers_still_works(model: type[Model], sam: User):
    for parameter in ["p", "e", *OFFERED[model._meta.label]]:
        assert asked(model, sam, {parameter: "1"})[0] in {200, 302}, parameter  # 302: no such value


@admins
def test_every_list_goes_by_the_same_rule(model: type[Model]):
    model_admin = site._registry[model]
    assert isinstance(model_admin, OperatorAdmin)
    assert isinstance(model_admin, OperatorList)
    for name in ("changelist_view", "lookup_allowed", "to_field_allowed"):
        assert getattr(type(model_admin), name) is getattr(OperatorList, name), name
    assert model_admin.inlines == ()
    assert model_admin.date_hierarchy is None
    assert model_admin.fields, "without a list of fields, the page of a row shows all"
    shown = {*model_admin.fields, *model_admin.list_display}
    assert not shown & {"password", "digest", "old_digest", "secret", "text", "metadata", "webhook_url", "url", "data"}


# --- as somebody tries it ------------------------------------------------------------------------


def test_support_does_not_read_a_password_hash_letter_by_letter(support: Client, ada: User):
    right = support.get("/admin/accounts/user/", {"password__startswith": ada.password[:12]})
    wrong = support.get("/admin/accounts/user/", {"password__startswith": "nothing like it"})
    assert (right.status_code, wrong.status_code) == (400, 400)
    assert right.content == wrong.content
    page = right.content.decode()
    assert "Unknown filter" in page
    assert "password__startswith" in page
    assert ada.email not in page


@pytest.mark.parametrize("parameter", ["text__startswith", "text__regex", "metadata__contains", "webhook_url__regex"])
def test_support_does_not_read_what_a_customer_wrote(support: Client, account: Account, parameter: str):
    job = make_job(account, text="Dear Bob", metadata={"to": "Bob"}, webhook_url="https://hooks.acme.example/?token")
    response = support.get("/admin/tts/job/", {parameter: "Dear"})
    assert response.status_code == 400
    assert str(job.pk) not in response.content.decode()


def test_a_secret_is_not_read_through_a_relation(support: Client, ada: User, account: Account):
    make_key(account)
    Authenticator.objects.create(user=ada, type=Authenticator.Type.TOTP, data={"secret": "encrypted"})
    for url, parameter in (
        ("/admin/accounts/account/", "memberships__user__password__startswith"),
        ("/admin/accounts/apikey/", "digest__startswith"),
        ("/admin/accounts/user/", "authenticator__data__contains"),
        ("/admin/webhooks/delivery/", "attempts__answer__startswith"),
        ("/admin/webhooks/endpoint/", "secret__startswith"),
        ("/admin/billing/stripeevent/", "payload__contains"),
    ):
        assert support.get(url, {parameter: "a"}).status_code == 400, parameter


def test_an_offered_filter_does_not_open_the_door_for_another(support: Client, account: Account):
    query = {"status__exact": "failed", "provider": "espeak", "text__startswith": "D"}
    assert support.get("/admin/tts/job/", query).status_code == 400
    for near in ("status", "status__exact__exact", "provider__startswith", "account__id__startswith", "account__name"):
        assert support.get("/admin/tts/job/", {near: "f"}).status_code == 400, near


def test_a_value_that_no_database_takes_is_refused(support: Client):
    for url, parameter in (("/admin/tts/job/", "provider"), ("/admin/voices/voice/", "q")):
        assert support.get(url, {parameter: "a\0b"}).status_code == 400


def test_a_row_is_opened_by_its_id_alone(support: Client, sam: User):
    url = f"/admin/accounts/user/{sam.pk}/change/"
    for field in ("email", "password", "id"):
        assert support.get(url, {"_to_field": field}).status_code == 400
    assert support.get(f"{url}?_changelist_filters=is_staff__exact%3D1").status_code == 200
    model_admin = site._registry[User]
    request = RequestFactory().get("/", {"_to_field": "email"})
    request.user = sam
    with pytest.raises(DisallowedModelAdminToField):
        model_admin.changeform_view(request, str(sam.pk))


def test_django_s_other_ways_to_look_things_up_are_shut(support: Client, sam: User):
    asked_for = {"app_label": "tts", "model_name": "audition", "field_name": "voice", "term": "a"}
    assert support.get("/admin/autocomplete/", asked_for).status_code == 404
    there, nowhere = (support.get(f"/admin/r/1/{row_id}/") for row_id in (sam.pk, uuid.uuid4()))
    assert (there.status_code, nowhere.status_code) == (404, 404)


# --- what links lead to --------------------------------------------------------------------------


def test_see_all_shows_the_rows_of_one_account(support: Client, account: Account):
    other = make_account("Globex")
    mine, theirs = make_key(account, name="Of Acme")[0], make_key(other, name="Of Globex")[0]
    page = support.get("/admin/accounts/apikey/", {"account__id__exact": str(account.pk)}).content.decode()
    assert str(mine.pk) in page
    assert str(theirs.pk) not in page
    for no_account in ("no-id", str(uuid.uuid4())):
        page = support.get("/admin/accounts/apikey/", {"account__id__exact": no_account}).content.decode()
        assert str(mine.pk) not in page


def test_the_history_of_a_row_is_its_own(support: Client, account: Account, sam: User):
    def record(target_type: str, target_id: Any, reason: str) -> None:
        AuditEntry.objects.create(
            actor="operator", action="x", reason=reason, target_type=target_type, target_id=target_id
        )

    record("job", "1", "Of the job.")
    record("plan", "1", "Of the plan.")
    record("job", "2", "Of another job.")
    page = support.get(audit_url("job", "1")).content.decode()
    assert "Of the job." in page
    assert "Of the plan." not in page
    assert "Of another job." not in page


def test_filters_of_the_sidebar_filter(support: Client, account: Account, voices: None):
    failed, done = make_job(account, status=JobStatus.FAILED), make_job(account, status=JobStatus.COMPLETED)
    page = support.get("/admin/tts/job/", {"status__exact": "failed"}).content.decode()
    assert (str(failed.pk) in page, str(done.pk) in page) == (True, False)
    voice = Voice.objects.order_by("pk")[0]
    page = support.get("/admin/voices/voice/", {"q": voice.voice_id, "is_enabled__exact": "1"}).content.decode()
    assert voice.voice_id in page
    assert Job.objects.count() == 2


class SortedUserAdmin(UserAdmin):
    sortable_by = ("email",)


def test_a_list_that_sorts_does_so_by_the_columns_it_names(sam: User):
    model_admin = SortedUserAdmin(User, site)

    def status(order: str) -> int:
        request = RequestFactory().get("/admin/accounts/user/", {"o": order})
        request.user = sam
        return model_admin.changelist_view(request).status_code

    assert [status(order) for order in ("0", "-0", "1", "-0.1", "99", "x", "password", "")] == [
        200, 200, 400, 400, 400, 400, 400, 400,
    ]  # fmt: skip
