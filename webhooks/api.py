"""The endpoint and its deliveries for signed-in users: `/api/user/enterprise/webhook`."""

import uuid
from typing import Any, ClassVar

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request

from accounts.api.user_auth import ACCOUNT_HEADER, UserView
from accounts.errors import IssuerUnavailable, MaintenanceMode, RateLimitExceeded
from accounts.pagination import NewestFirst, get_page
from accounts.permissions import Permission
from accounts.rate_limits import Bucket
from accounts.services.audit import Actor
from config.api import StrictSerializer, success
from config.errors import Forbidden, NotFound, PayloadTooLarge, Unauthorized, UnsupportedMediaType, ValidationFailed
from config.schema import described
from webhooks.errors import WebhookDisabled, WebhookTestFailed
from webhooks.models import DeliveryState, Event
from webhooks.selectors import get_endpoint, list_deliveries
from webhooks.sender import send_test
from webhooks.serializers import (
    DeletedWebhook,
    EndpointSerializer,
    NoFields,
    RangeSerializer,
    ReplayedDeliveries,
    WebhookDelivery,
    WebhookDeliveryPage,
    WebhookEndpoint,
    WebhookTest,
    delivery_data,
    endpoint_data,
)
from webhooks.services.deliveries import claim_test, replay_delivery, replay_range
from webhooks.services.endpoints import delete_endpoint, save_endpoint

BY_API = "By the customer, through the API."  # in the audit trail
PERSON_ERRORS = (Unauthorized, Forbidden, RateLimitExceeded, MaintenanceMode, IssuerUnavailable)
BODY_ERRORS = (ValidationFailed, PayloadTooLarge, UnsupportedMediaType)
ACCOUNT = OpenApiParameter(
    ACCOUNT_HEADER,
    {"type": "string", "format": "uuid"},
    OpenApiParameter.HEADER,
    description="The account to use, if you belong to more than one.",
)


class WebhookView(UserView):
    permission: ClassVar[Permission] = "manage_webhooks"

    def check_plan(self) -> None:
        plan = self.account.plan
        if not plan.allows_webhooks:
            raise Forbidden(f"The {plan.name} plan does not include webhooks.")


class Webhook(WebhookView):
    @described(
        name="getWebhook",
        summary="Get the endpoint",
        tag="Webhooks",
        success={200: WebhookEndpoint},
        errors=[*PERSON_ERRORS, NotFound],
        parameters=[ACCOUNT],
    )
    def get(self, request: Request) -> HttpResponse:
        """Returns the endpoint's URL and state. The secret is not shown again."""
        return success(endpoint_data(get_endpoint(account=self.account)))

    @described(
        name="putWebhook",
        summary="Create or update the endpoint",
        tag="Webhooks",
        request=EndpointSerializer,
        success={200: WebhookEndpoint},
        errors=[*PERSON_ERRORS, *BODY_ERRORS],
        parameters=[ACCOUNT],
    )
    def put(self, request: Request) -> HttpResponse:
        """Creates or changes the endpoint. `url` alone enables it and keeps its secret.

        A new secret is returned in this response only.
        """
        data = EndpointSerializer(data=request.data).parsed()
        saved = save_endpoint(
            account=self.account,
            url=data["url"],
            enabled=data["enabled"],
            regenerate_secret=data["regenerateSecret"],
            actor=Actor.of_member(self.membership),
            reason=BY_API,
        )
        return success(endpoint_data(saved.endpoint, secret=saved.secret), headers={"Cache-Control": "no-store"})

    @described(
        name="deleteWebhook",
        summary="Remove the endpoint",
        tag="Webhooks",
        success={200: DeletedWebhook},
        errors=[*PERSON_ERRORS, NotFound],
        parameters=[ACCOUNT],
    )
    def delete(self, request: Request) -> HttpResponse:
        """Deletes the endpoint and its secret. No more events are sent. Past deliveries stay listed for 30 days."""
        delete_endpoint(account=self.account, actor=Actor.of_member(self.membership), reason=BY_API)
        return success({"deleted": True})


class WebhookTestEvent(WebhookView):
    buckets: ClassVar[dict[str, Bucket]] = {"POST": "generate"}  # sends a request, which may take ten seconds

    @described(
        name="testWebhook",
        summary="Send a test event",
        tag="Webhooks",
        request=NoFields,
        success={200: WebhookTest},
        errors=[*PERSON_ERRORS, *BODY_ERRORS, NotFound, WebhookTestFailed],
        parameters=[ACCOUNT],
    )
    def post(self, request: Request) -> HttpResponse:
        """Sends a test event once, now, and returns the result. Also works while the endpoint is disabled."""
        _no_fields(request)
        delivery = claim_test(account=self.account)
        answer = send_test(delivery)
        if not answer.is_success:
            raise WebhookTestFailed(answer.error)
        return success({"test_id": str(delivery.pk)})


class DeliveryFilters(StrictSerializer):
    """The query parameters of `GET /webhook/deliveries`."""

    state = serializers.ChoiceField(choices=DeliveryState.values, required=False)
    event = serializers.ChoiceField(choices=Event.values, required=False)
    cursor = serializers.CharField(max_length=300, required=False)
    limit = serializers.IntegerField(min_value=1, max_value=NewestFirst.max_page_size, required=False)


class WebhookDeliveries(WebhookView):
    @described(
        name="listWebhookDeliveries",
        summary="List deliveries",
        tag="Webhooks",
        success={200: WebhookDeliveryPage},
        errors=[*PERSON_ERRORS, ValidationFailed],
        parameters=[
            ACCOUNT,
            OpenApiParameter("state", str, enum=DeliveryState.values),
            OpenApiParameter("event", str, enum=Event.values),
            OpenApiParameter("limit", {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}),
            OpenApiParameter("cursor", str, description="From `next` or `previous`."),
        ],
    )
    def get(self, request: Request) -> HttpResponse:
        """Lists the deliveries of the last 30 days with their attempts, newest first."""
        filters = DeliveryFilters(data=request.query_params.dict()).parsed()
        deliveries = list_deliveries(account=self.account, state=filters.get("state"), event=filters.get("event"))
        page, next_url, previous_url = get_page(deliveries, request, self)
        data = {
            "deliveries": [delivery_data(delivery) for delivery in page],
            "next": next_url,
            "previous": previous_url,
        }
        return success(data)


class WebhookReplay(WebhookView):
    @described(
        name="replayWebhookDelivery",
        summary="Replay a delivery",
        tag="Webhooks",
        request=NoFields,
        success={202: WebhookDelivery},
        errors=[*PERSON_ERRORS, *BODY_ERRORS, NotFound, WebhookDisabled],
        parameters=[ACCOUNT],
    )
    def post(self, request: Request, delivery_id: uuid.UUID) -> HttpResponse:
        """Sends a delivery again, with the same ID and a new retry schedule."""
        _no_fields(request)
        return success(delivery_data(replay_delivery(account=self.account, delivery_id=delivery_id)), status=202)


class WebhookReplayRange(WebhookView):
    @described(
        name="replayWebhookDeliveries",
        summary="Replay missed deliveries",
        tag="Webhooks",
        request=RangeSerializer,
        success={202: ReplayedDeliveries},
        errors=[*PERSON_ERRORS, *BODY_ERRORS, NotFound, WebhookDisabled],
        parameters=[ACCOUNT],
    )
    def post(self, request: Request) -> HttpResponse:
        """Replays events in a time range that were not delivered: failed, or kept while the endpoint was disabled."""
        data = RangeSerializer(data=request.data).parsed()
        return success({"replayed": replay_range(account=self.account, **data)}, status=202)


def _no_fields(request: Request) -> None:
    """Accepts a missing or empty body with any media type, and otherwise requires `{}`."""
    length: Any = request.META.get("CONTENT_LENGTH")
    if length not in {"", "0", None, "-1"}:
        NoFields(data=request.data).parsed()
