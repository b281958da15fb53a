"""Refusals that concern credits."""

import re

from billing.money import format_have, format_need
from config.errors import DomainError


class InsufficientCredits(DomainError):
    code, status = "INSUFFICIENT_CREDITS", 402
    example = "Need 5.00 credits, have 2.50"

    def __init__(self, *, need_microcredits: int, have_microcredits: int) -> None:
        message = f"Need {format_need(need_microcredits)} credits, have {format_have(have_microcredits)}"
        # Programs read the numbers out of it, so no separators of thousands.
        super().__init__(re.sub(r"(?<=\d),(?=\d)", "", message))
