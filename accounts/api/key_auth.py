"""Authentication by API key. `accounts.admission` makes the checks, in its order, before a body is read."""

from typing import Any, ClassVar

from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from accounts.admission import Admission, admit_key, check_maintenance, check_rate_limit, count_request
from accounts.errors import MaintenanceMode, RateLimitExceeded
from accounts.models import Account, ApiKey
from accounts.rate_limits import Bucket, Usage, count_address
from accounts.selectors import find_api_key
from accounts.services.api_keys import note_key_used
from config import logs
from config.errors import Forbidden, NotFound, Unauthorized

KEY_ERRORS = (Unauthorized, Forbidden, RateLimitExceeded, MaintenanceMode)  # any request with a key can raise these


class ApiKeyAuthentication(BaseAuthentication):
    """Authenticates `Authorization: Bearer tts_…`. `request.auth` is the ApiKey, with its account and plan."""

    def authenticate(self, request: Request) -> tuple[None, ApiKey]:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if not scheme:
            raise Unauthorized("Send your API key: Authorization: Bearer tts_…")
        if scheme.lower() != "bearer":
            raise Unauthorized("The Authorization header must be: Bearer tts_…")
        api_key = find_api_key(key.strip())
        if api_key is None:
            raise Unauthorized("This API key is invalid, revoked or expired.")
        note_key_used(api_key=api_key)
        logs.bind(account_id=api_key.account_id, key_id=api_key.pk)
        return None, api_key


def get_request_key(request: Request) -> ApiKey:
    """Returns the key that authenticated the request."""
    api_key: Any = request.auth
    assert isinstance(api_key, ApiKey)
    return api_key


class OptionalApiKey(BaseAuthentication):
    """For endpoints that need no key. A valid key is counted by its account, any other request by its address."""

    def authenticate(self, request: Request) -> tuple[None, ApiKey] | None:
        try:
            return ApiKeyAuthentication().authenticate(request)
        except Unauthorized:
            return None


class AccountThrottle(BaseThrottle):
    """Refuses requests that `ApiView.check_permissions` counted past the limit."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        usage: Usage = request._request.rate_limit_usage  # type: ignore[attr-defined]
        check_rate_limit(usage)
        return True


class ApiView(APIView):
    """The base of every API view. `buckets` maps methods to rate-limit buckets; the default is `read`."""

    authentication_classes: Any = [OptionalApiKey]  # noqa: RUF012
    throttle_classes: Any = [AccountThrottle]  # noqa: RUF012
    buckets: ClassVar[dict[str, Bucket]] = {}
    http_method_names: Any = ["get", "post", "put", "patch", "delete", "head"]  # noqa: RUF012

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        # REST framework treats a body of unknown length (chunked, HTTP/2) as empty.
        if request.method in {"POST", "PUT", "PATCH"} and not request.META.get("CONTENT_LENGTH"):
            request.META["CONTENT_LENGTH"] = "-1"
        return super().initialize_request(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        check_maintenance()
        super().initial(request, *args, **kwargs)

    def check_permissions(self, request: Request) -> None:
        # Count before checking permissions: a request that is refused after authentication counts too.
        account, bucket = self.get_account(request), self.bucket
        if account is not None:
            count_request(request._request, account=account, bucket=bucket)
        else:
            request._request.rate_limit_usage = count_address(request._request, bucket)  # type: ignore[attr-defined]
        super().check_permissions(request)

    @property
    def bucket(self) -> Bucket:
        return self.buckets.get(self.request.method or "", "read")

    def get_account(self, request: Request) -> Account | None:
        """Returns the account that the request is counted for, or None to count it by its address."""
        return None if request.auth is None else get_request_key(request).account


class KeyView(ApiView):
    """An API view that requires a key.

    `scopes` maps methods to the scope that they require; the default is speech:read. `admission` is the gate's result.
    """

    authentication_classes: Any = [ApiKeyAuthentication]  # noqa: RUF012
    permission_classes: Any = []  # noqa: RUF012 - `check_permissions` asks the gate
    throttle_classes: Any = []  # noqa: RUF012
    scopes: ClassVar[dict[str, str]] = {}
    admission: Admission

    def check_permissions(self, request: Request) -> None:
        scope = self.scopes.get(request.method or "", "speech:read")
        self.admission = admit_key(request._request, api_key=get_request_key(request), scope=scope, bucket=self.bucket)

    @property
    def account(self) -> Account:
        return get_request_key(self.request).account


class ApiNotFound(ApiView):
    """Answers 404 to any other request under `/api/v1`. It is counted like every request."""

    schema = None  # not part of the documentation

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        raise NotFound("There is nothing at this address.")
