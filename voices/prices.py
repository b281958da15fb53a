"""Finds the price of a voice: its family's, or else its tier's."""

from collections.abc import Mapping

from billing import selectors as billing
from voices.models import Voice


def get_voice_price(voice: Voice) -> int:
    """Returns the current price in microcredits per character."""
    return billing.get_price(provider=voice.provider, family=voice.family, model_type=voice.model_type)


def pick_voice_price(voice: Voice, prices: Mapping[str, int]) -> int:
    """Returns the same from `prices` of `billing.selectors.get_prices`, for lists of many voices."""
    return billing.pick_price(prices, provider=voice.provider, family=voice.family, model_type=voice.model_type)
