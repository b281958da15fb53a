"""Users, accounts (the tenants), plans, API keys, idempotency records and the maintenance switch."""

import uuid
from typing import Any, ClassVar, TypeVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from accounts.append_only import AppendOnlyModel, AppendOnlyRows
from accounts.user_agents import browser_words


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        # Lower case only: allauth looks for this spelling.
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)


class User(AbstractBaseUser, PermissionsMixin):
    """A user, identified by email. Memberships decide what they may see."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(max_length=254, unique=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    handles_billing = models.BooleanField(default=False)  # for staff: see accounts.operators
    # Whether ID tokens with this user's email, confirmed by their issuer, may act for them.
    allows_id_tokens = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints: ClassVar = [
            # One user per mailbox: the email is case-insensitive.
            models.UniqueConstraint(Lower("email"), name="user_email_unique"),
        ]

    def __str__(self) -> str:
        return self.email


class ExternalIdentity(models.Model):
    """A user as an issuer of ID tokens knows them.

    One per issuer: another subject with the same email is someone else.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="external_identities")
    issuer = models.CharField(max_length=200)
    subject = models.CharField(max_length=128)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name_plural = "external identities"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["issuer", "subject"], name="external_identity_unique"),
            models.UniqueConstraint(fields=["user", "issuer"], name="external_identity_one_per_issuer"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} at {self.issuer}"


class SignedInSession(models.Model):
    """A browser in which a user is signed in. Django's session with this key grants the access, not this row."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="signed_in_sessions")
    session_key = models.CharField(max_length=40, unique=True)
    user_agent = models.CharField(max_length=300, blank=True)
    address = models.GenericIPAddressField(null=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_seen_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.pk} of {self.user_id}"

    @property
    def browser(self) -> str:
        return browser_words(self.user_agent)


class Plan(models.Model):
    """What an account may do, and how often. Operators can change the numbers."""

    code = models.SlugField(primary_key=True, max_length=32)
    name = models.CharField(max_length=64)
    allows_api = models.BooleanField(default=True)
    allows_webhooks = models.BooleanField(default=False)
    generate_limit = models.PositiveIntegerField(help_text="Requests that create speech, per 15 minutes.")
    read_limit = models.PositiveIntegerField(help_text="Status, audio and lists, per 15 minutes.")
    is_sold = models.BooleanField(default=False)  # customers can subscribe to it themselves
    price = models.PositiveBigIntegerField(default=0)  # per month, in the currency's smallest unit
    currency = models.CharField(max_length=3, default="usd")
    monthly_microcredits = models.PositiveBigIntegerField(default=0)  # 1 credit = 1,000,000
    stripe_price_id = models.CharField(max_length=120, blank=True)  # "": the price is written into each Checkout

    def __str__(self) -> str:
        return self.name


class Account(models.Model):
    """A tenant: owns keys, credits and jobs. Users reach it through a membership."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120)
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="accounts")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    suspended_at = models.DateTimeField(null=True, blank=True)
    generate_limit_override = models.PositiveIntegerField(null=True, blank=True)
    read_limit_override = models.PositiveIntegerField(null=True, blank=True)
    retention_days = models.PositiveSmallIntegerField(null=True, blank=True)  # None: the server's setting applies
    deletion_due_at = models.DateTimeField(null=True, blank=True)  # the owner can cancel the deletion until then
    deleted_at = models.DateTimeField(null=True, blank=True)  # users, texts and audio have been erased

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["deletion_due_at"],
                condition=models.Q(deletion_due_at__isnull=False, deleted_at__isnull=True),
                name="account_to_delete",
            ),
            models.Index(
                fields=["retention_days"],
                condition=models.Q(retention_days__isnull=False),
                name="account_own_retention",
            ),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(retention_days__gte=1), name="account_keeps_a_day_at_least"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_suspended(self) -> bool:
        return self.suspended_at is not None

    @property
    def is_closing(self) -> bool:
        return self.deletion_due_at is not None

    @property
    def blocked_reason(self) -> str:
        """Why the account may not submit anything new, or "" if it may."""
        if self.is_suspended:
            return "This account is suspended. Contact support."
        if self.is_closing:
            return "This account is scheduled for deletion. Its owner can still cancel the deletion in Settings."
        return ""


class Role(models.TextChoices):
    OWNER = "owner"
    ADMIN = "admin"
    DEVELOPER = "developer"
    BILLING = "billing"
    VIEWER = "viewer"


class Membership(models.Model):
    """A user's role in an account."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role.choices)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "user"], name="membership_unique"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="membership_role_valid"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} as {self.role} in {self.account_id}"


M = TypeVar("M", bound=models.Model)


class AccountOwnedQuerySet(models.QuerySet[M]):
    """Scopes queries to one tenant: every query of an account's rows starts here."""

    def for_account(self, account: Account) -> "AccountOwnedQuerySet[M]":
        return self.filter(account=account)


class ApiKey(models.Model):
    """An API key. The key itself is shown only once; the database has its SHA-256."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=80)
    digest = models.CharField(max_length=64, unique=True, editable=False)  # hexadecimal SHA-256
    prefix = models.CharField(max_length=12, editable=False)
    last_four = models.CharField(max_length=4, editable=False)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    # After a rotation: the previous secret, which is valid until then (accounts.services.key_changes).
    old_digest = models.CharField(max_length=64, null=True, unique=True, editable=False)  # noqa: DJ001 - unique
    old_last_four = models.CharField(max_length=4, blank=True, editable=False)
    old_expires_at = models.DateTimeField(null=True, editable=False)
    # The key's limits (accounts.key_limits, billing.services.key_limits). Empty or null: no limit of its own.
    monthly_cap_microcredits = models.PositiveBigIntegerField(null=True, blank=True)
    allowed_providers = models.JSONField(default=list, blank=True)
    allowed_voices = models.JSONField(default=list, blank=True)  # voice IDs, in addition to all voices of the providers
    allowed_networks = models.JSONField(default=list, blank=True)  # in CIDR form

    objects = AccountOwnedQuerySet["ApiKey"].as_manager()

    class Meta:
        verbose_name = "API key"
        indexes: ClassVar = [models.Index(fields=["prefix"], name="api_key_prefix")]  # for the search under /admin

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…{self.last_four})"

    @property
    def is_usable(self) -> bool:
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > timezone.now())

    @property
    def is_old_secret_usable(self) -> bool:
        return self.old_expires_at is not None and self.old_expires_at > timezone.now()

    @property
    def has_limits(self) -> bool:
        lists = (self.allowed_providers, self.allowed_voices, self.allowed_networks)
        return self.monthly_cap_microcredits is not None or any(lists)


class Invitation(models.Model):
    """An invitation to an account, sent to an email address. The row is deleted when it is accepted or withdrawn.

    Only the email has the token.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField(max_length=254)  # lower case
    role = models.CharField(max_length=16, choices=Role.choices)
    digest = models.CharField(max_length=64, unique=True, editable=False)  # hexadecimal SHA-256 of the token
    sent_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()

    objects = AccountOwnedQuerySet["Invitation"].as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "email"], name="invitation_unique"),
            models.CheckConstraint(
                condition=models.Q(role__in=Role.values) & ~models.Q(role="owner"), name="invitation_role_valid"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk} into {self.account_id} as {self.role}"

    @property
    def is_open(self) -> bool:
        return self.expires_at > timezone.now()


class IdempotencyRecord(models.Model):
    """The answer to a request with an Idempotency-Key, stored so that a repeated request gets the same bytes.

    Only answers that created something are stored. The row is written in the transaction that creates it, so it is
    either complete or absent.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="remembered_requests")
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)  # hexadecimal SHA-256 of path and canonical body
    job_id = models.UUIDField(null=True, db_index=True)  # the job that was created; erased with it
    response_body = models.BinaryField()
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "key"], name="remembered_request_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} {self.key}"


class Maintenance(models.Model):
    """The single row that puts the API into maintenance. Without it, the API is up."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    since = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(id=1), name="maintenance_single_row"),
        ]

    def __str__(self) -> str:
        return f"Maintenance since {self.since:%Y-%m-%d %H:%M} UTC"


class AuditQuerySet(AppendOnlyRows, AccountOwnedQuerySet["AuditEntry"]):
    """Scopes queries to one tenant and refuses to change rows."""


class AuditEntry(AppendOnlyModel):
    """What an operator did, or a customer did to a key. Written once, in the transaction of the change.

    It outlives the users it names, so it stores only IDs: no emails, no customer texts, and no foreign key to a user,
    because deleting the user would have to change the row.
    """

    id = models.BigAutoField(primary_key=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    actor = models.CharField(max_length=60)  # formatted by `accounts.services.audit.Actor`
    actor_user_id = models.UUIDField(null=True)
    action = models.CharField(max_length=40)
    reason = models.CharField(max_length=500)
    target_type = models.CharField(max_length=40)
    target_id = models.CharField(max_length=160)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, null=True, related_name="audit_entries")
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)

    objects = AuditQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "audit entries"
        indexes: ClassVar = [
            models.Index(fields=["account", "-id"], name="audit_account_newest"),
            models.Index(fields=["target_type", "target_id", "-id"], name="audit_target_newest"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=~models.Q(reason=""), name="audit_reason_not_blank"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.target_type} {self.target_id}"
