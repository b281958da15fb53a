"""Refusals that concern credits."""

import re

from billing.money import format_credits, format_have, format_need
from config.errors import DomainError


class InsufficientCredits(DomainError):
    code, status = "INSUFFICIENT_CREDITS", 402
    example = "Need 5.00 credits, have 2.50"

    def __init__(self, *, need_microcredits: int, have_microcredits: int) -> None:
        message = f"Need {format_need(need_microcredits)} credits, have {format_have(have_microcredits)}"
        # Programs read the numbers out of it, so no separators of thousands.
        super().__init__(re.sub(r"(?<=\d),(?=\d)", "", message))


class NotEnoughToTake(DomainError):
    """An operator wanted to take more than is there; taking never makes a debt."""

    code, status = "NOT_ENOUGH_TO_TAKE", 409

    def __init__(self, *, wanted_microcredits: int, have_microcredits: int) -> None:
        super().__init__(
            f"{format_credits(wanted_microcredits)} credits cannot be taken: the account has "
            f"{format_credits(have_microcredits)}."
        )
