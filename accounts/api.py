"""Who may call the API: maintenance, key, scope and plan, rate limit, in this order, before a body is read."""

from typing import Any, ClassVar

from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from accounts.errors import MaintenanceMode, RateLimitExceeded
from accounts.key_limits import check_address
from accounts.models import Account, ApiKey
from accounts.rate_limits import Bucket, Usage, count_account, count_address
from accounts.selectors import find_api_key, is_in_maintenance
from accounts.services.api_keys import note_key_used
from config import logs
from config.errors import Forbidden, NotFound, Unauthorized

KEY_ERRORS = (Unauthorized, Forbidden, RateLimitExceeded, MaintenanceMode)  # that any request with a key may meet


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer tts_…`; `request.auth` is the ApiKey, with its account and plan."""

    def authenticate(self, request: Request) -> tuple[None, ApiKey]:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if not scheme:
            raise Unauthorized("Send your API key: Authorization: Bearer tts_…")
        if scheme.lower() != "bearer":
            raise Unauthorized("The Authorization header must be: Bearer tts_…")
        api_key = find_api_key(key.strip())
        if api_key is None:
            raise Unauthorized("This API key is not valid: mistyped, revoked or expired.")
        note_key_used(api_key=api_key)
        logs.bind(account_id=api_key.account_id, key_id=api_key.pk)
        return None, api_key


def key_of(request: Request) -> ApiKey:
    """The key that an authenticated request came with."""
    api_key: Any = request.auth
    assert isinstance(api_key, ApiKey)
    return api_key


class OptionalApiKey(BaseAuthentication):
    """Where no key is needed: a valid one counts as its account, everybody else by address."""

    def authenticate(self, request: Request) -> tuple[None, ApiKey] | None:
        try:
            return ApiKeyAuthentication().authenticate(request)
        except Unauthorized:
            return None


class MayUseScope(BasePermission):
    """The key has the view's scope and is used where it may be, the plan has the API, the account is not suspended."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        assert isinstance(view, KeyView)
        scope = view.scopes[request.method or ""] if request.method in view.scopes else "speech:read"
        api_key = key_of(request)
        if api_key.account.why_stopped:
            raise Forbidden(api_key.account.why_stopped)
        if not api_key.account.plan.allows_api:
            raise Forbidden(f"The {api_key.account.plan.name} plan does not include the API. Add credits to unlock it.")
        if scope not in api_key.scopes:
            raise Forbidden(f"This key lacks the scope {scope}.")
        check_address(api_key, request._request.META["REMOTE_ADDR"])
        return True


class AccountThrottle(BaseThrottle):
    """Refuses what `ApiView.check_permissions` counted past the limit."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        usage: Usage = request._request.rate_limit_usage  # type: ignore[attr-defined]
        if usage.is_over:
            seconds = usage.retry_after_seconds
            raise RateLimitExceeded(
                f"That was request {usage.count:,} of {usage.limit:,} in this quarter hour. "
                f"Try again in {seconds} seconds.",
                headers={"Retry-After": str(seconds)},
            )
        return True


class ApiView(APIView):
    """The base of every API view. `buckets` maps a method to its rate-limit bucket; unnamed ones are `read`."""

    authentication_classes: Any = [OptionalApiKey]  # noqa: RUF012
    throttle_classes: Any = [AccountThrottle]  # noqa: RUF012
    buckets: ClassVar[dict[str, Bucket]] = {}
    http_method_names: Any = ["get", "post", "put", "patch", "delete", "head"]  # noqa: RUF012

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        # REST framework takes a body of unknown length (chunked, HTTP/2) for no body at all.
        if request.method in {"POST", "PUT", "PATCH"} and not request.META.get("CONTENT_LENGTH"):
            request.META["CONTENT_LENGTH"] = "-1"
        return super().initialize_request(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if is_in_maintenance():
            raise MaintenanceMode
        super().initial(request, *args, **kwargs)

    def check_permissions(self, request: Request) -> None:
        # Counted before scope and plan are looked at: a request refused after authentication counts too.
        http_request: HttpRequest = request._request
        bucket = self.buckets.get(request.method or "", "read")
        account = self.account_of(request)
        usage = count_account(http_request, account, bucket) if account else count_address(http_request, bucket)
        http_request.rate_limit_usage = usage  # type: ignore[attr-defined]  # for accounts.middleware
        super().check_permissions(request)

    def account_of(self, request: Request) -> Account | None:
        """Whose request it counts as; None: its address's."""
        return None if request.auth is None else key_of(request).account


class KeyView(ApiView):
    """An API view for callers with a key.

    `scopes` maps a method to the scope it takes; unnamed ones take speech:read.
    """

    authentication_classes: Any = [ApiKeyAuthentication]  # noqa: RUF012
    permission_classes: Any = [MayUseScope]  # noqa: RUF012
    scopes: ClassVar[dict[str, str]] = {}

    @property
    def account(self) -> Account:
        return key_of(self.request).account


class UnknownAddress(ApiView):
    """Whatever else is asked of `/api/v1`: counted like any request, then 404."""

    schema = None  # not part of the documentation

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        raise NotFound("There is nothing at this address.")
