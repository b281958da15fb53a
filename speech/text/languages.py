"""Builds the rules of a language that writes numbers as in Europe or in India, in the order they are tried."""

from collections.abc import Iterable

from speech.text.amounts import build_measure_rules, build_money_rules
from speech.text.bare_numbers import build_date_rules, build_number_rules, build_short_date_rules, build_sign_rules
from speech.text.electronic import SIGNS, build_electronic_rules
from speech.text.language import Language, dot_word
from speech.text.phone import build_phone_rules
from speech.text.rules import Rule


def build_rules(language: Language, own: Iterable[Rule]) -> tuple[Rule, ...]:
    """Returns all rules of a language, its own before the shared ones."""
    return (
        *build_electronic_rules(
            language.digits,
            {**SIGNS, **language.signs, ".": dot_word(language)},
            spells_handles=language.spells_handles,
            letters=language.letters,
        ),
        *own,
        *build_date_rules(language),
        *build_short_date_rules(language),
        *build_phone_rules(
            language.digits, language.words, say_country=language.say_country, say_groups=language.say_phone
        ),
        *build_money_rules(language),
        *build_measure_rules(language),
        *build_number_rules(language),
        *build_sign_rules(language),
    )
