"""Errors about credits."""

import re
from datetime import date

from billing.money import format_credits, format_have, format_need
from config.errors import DomainError


class InsufficientCredits(DomainError):
    code, status = "INSUFFICIENT_CREDITS", 402
    example = "Need 5.00 credits, have 2.50"

    def __init__(self, *, need_microcredits: int, have_microcredits: int) -> None:
        message = f"Need {format_need(need_microcredits)} credits, have {format_have(have_microcredits)}"
        # Clients parse the numbers, so remove the thousands separators.
        super().__init__(re.sub(r"(?<=\d),(?=\d)", "", message))


class KeyCapReached(DomainError):
    """The account could pay, but this key has reached its monthly cap."""

    code, status = "KEY_LIMIT_REACHED", 402
    example = (
        "This needs 5.00 credits and this key has 2.50 left of its 100.00 for this month. "
        "The cap resets on 1 Dec, UTC. You can also raise it."
    )

    def __init__(self, *, need_microcredits: int, left_microcredits: int, cap_microcredits: int, ends_on: date) -> None:
        super().__init__(
            f"This needs {format_need(need_microcredits)} credits and this key has {format_have(left_microcredits)} "
            f"left of its {format_have(cap_microcredits)} for this month. "
            f"The cap resets on {ends_on.day} {ends_on:%b}, UTC. You can also raise it."
        )


class NotEnoughToTake(DomainError):
    """An operator tried to deduct more than the balance. Deductions never create debt."""

    code, status = "NOT_ENOUGH_TO_TAKE", 409

    def __init__(self, *, wanted_microcredits: int, have_microcredits: int) -> None:
        super().__init__(
            f"{format_credits(wanted_microcredits)} credits cannot be deducted: the account has "
            f"{format_credits(have_microcredits)}."
        )


class SellingNotSetUp(DomainError):
    """This server has no Stripe API key."""

    code, status = "SELLING_NOT_SET_UP", 503

    def __init__(self) -> None:
        super().__init__("Payments are not set up on this server. Ask its administrator to add credits.")


class PaymentsUnavailable(DomainError):
    """Stripe did not answer, or refused the request."""

    code, status = "PAYMENTS_UNAVAILABLE", 503

    def __init__(self) -> None:
        super().__init__("The payment service is unavailable. You were not charged. Try again in a minute.")


class PaymentsUnreachable(PaymentsUnavailable):
    """Stripe did not answer in time. The next request would wait as long."""


class CardDeclined(DomainError):
    """An off-session charge of the saved card failed."""

    code, status = "CARD_DECLINED", 402

    def __init__(self) -> None:
        super().__init__("The card was declined.")


class CardGone(DomainError):
    """The saved card or its customer no longer exists at Stripe, or cannot be charged off-session."""

    code, status = "CARD_GONE", 402

    def __init__(self) -> None:
        super().__init__("The saved card can no longer be charged.")


class SubscribedAlready(DomainError):
    code, status = "SUBSCRIBED_ALREADY", 409

    def __init__(self) -> None:
        super().__init__("This account already has a subscription. Change it instead of starting another one.")
