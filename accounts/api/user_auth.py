"""Authentication for `/api/user/*`: a user with a session or an ID token, in the role that the view requires."""

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.admission import check_account
from accounts.api.key_auth import ApiView
from accounts.id_tokens import is_id_token, read_id_token
from accounts.membership import SESSION_KEY
from accounts.models import Account, Membership, User
from accounts.permissions import Permission, has_permission
from accounts.selectors import list_memberships
from accounts.services.identities import user_of_identity
from config import logs
from config.errors import Forbidden, Unauthorized

ACCOUNT_HEADER = "X-Account-ID"


class _CsrfCheck(CsrfViewMiddleware):
    def _reject(self, request: HttpRequest, reason: str) -> Any:
        return reason


class PersonAuthentication(BaseAuthentication):
    """Authenticates a user. `request.auth` is the Membership: the user in one of their accounts.

    The account is the one that `X-Account-ID` names, or the session's current account, or the user's first account.
    """

    def authenticate(self, request: Request) -> tuple[User, Membership]:
        authorization = request.headers.get("Authorization", "")
        user = self._of_token(authorization) if authorization else self._of_session(request)
        memberships = list(list_memberships(user))
        if not memberships:
            raise Forbidden(f"{user.email} is not a member of any account.")
        wanted = request.headers.get(ACCOUNT_HEADER)
        if wanted is not None:
            chosen = next((one for one in memberships if str(one.account_id) == wanted), None)
            if chosen is None:
                raise Forbidden(f"{ACCOUNT_HEADER} is not the ID of an account that you belong to.")
        else:
            of_session = None if authorization else request._request.session.get(SESSION_KEY)
            chosen = next((one for one in memberships if str(one.account_id) == of_session), memberships[0])
        logs.bind(account_id=chosen.account_id, user_id=user.pk)
        return user, chosen

    def _of_token(self, authorization: str) -> User:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not is_id_token(token.strip()):
            raise Unauthorized("Sign in, or send an ID token: Authorization: Bearer … API keys are not accepted here.")
        return user_of_identity(identity=read_id_token(token.strip()))

    def _of_session(self, request: Request) -> User:
        user: Any = request._request.user
        if not isinstance(user, User) or not user.is_active:
            raise Unauthorized("Sign in, or send an ID token: Authorization: Bearer …")
        check = _CsrfCheck(lambda request: HttpResponse())
        check.process_request(request._request)
        if check.process_view(request._request, lambda request: HttpResponse(), (), {}):
            raise Forbidden(
                "The CSRF token is missing or incorrect. Send the CSRF cookie's value in the X-CSRFToken header."
            )
        return user


class MayDo(BasePermission):
    """Allows the request if the user's role has the view's permission and the account is not suspended."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        assert isinstance(view, UserView)
        membership = view.membership
        check_account(membership.account)
        if not has_permission(membership, view.permission):
            raise Forbidden(f"Your role in {membership.account.name}, {membership.role}, does not allow this.")
        view.check_plan()
        return True


class UserView(ApiView):
    """An API view for users."""

    authentication_classes: Any = [PersonAuthentication]  # noqa: RUF012
    permission_classes: Any = [MayDo]  # noqa: RUF012
    permission: ClassVar[Permission]

    @property
    def membership(self) -> Membership:
        membership: Any = self.request.auth
        assert isinstance(membership, Membership)
        return membership

    @property
    def account(self) -> Account:
        return self.membership.account

    def get_account(self, request: Request) -> Account | None:
        membership: Any = request.auth
        return membership.account if isinstance(membership, Membership) else None

    def check_plan(self) -> None:
        """Raises Forbidden if the account's plan does not include this view's feature."""


class PersonScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Describes how users authenticate."""

    target_class = "accounts.api.user_auth.PersonAuthentication"
    name: Any = ("idToken", "session")

    def get_security_requirement(self, auto_schema: Any) -> Any:
        return [{"idToken": []}, {"session": []}]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, str]]:
        return [
            {"type": "http", "scheme": "bearer", "bearerFormat": "OIDC ID token"},
            {"type": "apiKey", "in": "cookie", "name": "sessionid"},
        ]
