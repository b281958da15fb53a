"""The list prices of the voice providers, so that operators see which of their own prices are below cost.

US dollars per million characters, by family as in the voice ids, before any discount or free quota:

- https://aws.amazon.com/polly/pricing/ (read in October 2026).
- https://cloud.google.com/text-to-speech/pricing (read in September 2026). Gemini is billed by token: this is its
  default model, gemini-2.5-flash-tts, at $10 per million audio tokens, 25 of them a second, and $0.50 per million text
  tokens of 4 characters, with 15 characters a second. Google lists no price for its Casual and News voices.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

LIST_PRICES_USD: Final[Mapping[str, Decimal]] = {
    "polly:Standard": Decimal(4),
    "polly:Neural": Decimal(16),
    "polly:Generative": Decimal(30),
    "polly:Long-Form": Decimal(100),
    "google:Standard": Decimal(4),
    "google:Wavenet": Decimal(4),
    "google:Neural2": Decimal(16),
    "google:Polyglot": Decimal(16),
    "google:Chirp-HD": Decimal(30),
    "google:Chirp3HD": Decimal(30),
    "google:Studio": Decimal(160),
    "google:Gemini": Decimal("16.79"),
}
