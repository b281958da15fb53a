"""What a voice costs: its family's price, or else its tier's."""

from collections.abc import Mapping

from billing import selectors as billing
from voices.models import Voice


def get_voice_price(voice: Voice) -> int:
    """Microcredits per character, now."""
    return billing.get_price(provider=voice.provider, family=voice.family, model_type=voice.model_type)


def pick_voice_price(voice: Voice, prices: Mapping[str, int]) -> int:
    """The same, of `prices` as `billing.selectors.get_prices` read them: for lists of many voices."""
    return billing.pick_price(prices, provider=voice.provider, family=voice.family, model_type=voice.model_type)
