"""Converts numbers to English words, without hyphens and without "and": "one hundred twenty three"."""

from typing import Final

SMALL: Final = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
TENS: Final = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
SCALES: Final = (
    *("", "thousand", "million", "billion", "trillion", "quadrillion", "quintillion", "sextillion", "septillion"),
    *("octillion", "nonillion", "decillion"),
)
MAX_DIGITS: Final = 3 * len(SCALES)  # of the largest number that has a name
ORDINALS: Final = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}


def cardinal(digits: str | int) -> str:
    """Reads `1234` and "1,234" as "one thousand two hundred thirty four", and numbers without a name by digits."""
    digits = str(digits).replace(",", "")
    if len(digits) > MAX_DIGITS or (len(digits) > 1 and digits[0] == "0"):
        return spell(digits)
    if not int(digits):
        return "zero"
    words = []
    for scale in range((len(digits) - 1) // 3, -1, -1):
        group = int(digits[: len(digits) - 3 * scale][-3:])
        if group:
            words += [_below_thousand(group), SCALES[scale]]
    return " ".join(filter(None, words))


def _below_thousand(number: int) -> str:
    words = []
    if number >= 100:
        words += [SMALL[number // 100], "hundred"]
        number %= 100
    if number >= 20:
        words.append(TENS[number // 10])
        number %= 10
    if number:
        words.append(SMALL[number])
    return " ".join(words)


def ordinal(digits: str | int) -> str:
    """Reads `23` as "twenty third"."""
    before, _, last = cardinal(digits).rpartition(" ")
    regular = f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th"
    return f"{before} {ORDINALS.get(last, regular)}".strip()


def spell(digits: str) -> str:
    """Reads digit by digit; other characters are dropped."""
    return " ".join(SMALL[int(digit)] for digit in digits if digit in "0123456789")


def spell_groups(digits: str, size: int = 4) -> str:
    """Reads digit by digit, with a pause after every `size` digits."""
    return ", ".join(spell(digits[start : start + size]) for start in range(0, len(digits), size))


def decimal(number: str) -> str:
    """Reads "3.14", ".5" and "1,000.5", by digits after the point. Without one, reads a cardinal."""
    whole, point, fraction = number.partition(".")
    if not point:
        return cardinal(whole)
    return f"{cardinal(whole) if whole else ''} point {spell(fraction)}".strip()


def year(digits: str) -> str:
    """Reads "1994" as "nineteen ninety four", "1506" as "fifteen oh six", "2005" as "two thousand five"."""
    if len(digits) != 4 or digits[0] == "0" or digits[1:3] == "00":
        return cardinal(digits)
    return pairs(digits)


def pairs(digits: str) -> str:
    """Reads in pairs, like house numbers and years: "123" as "one twenty three", "1205" as "twelve oh five"."""
    if len(digits) not in (3, 4) or digits.startswith("0") or digits.endswith("000"):
        return cardinal(digits)
    high, low = digits[:-2], digits[-2:]
    if low == "00":
        return f"{cardinal(high)} hundred"
    return f"{cardinal(high)} {two_digits(low)}"


def two_digits(digits: str) -> str:
    """Reads "05" as "oh five" and "40" as "forty"."""
    return f"oh {SMALL[int(digits[1])]}" if digits[0] == "0" and digits != "00" else cardinal(int(digits))


def decade(digits: str) -> str:
    """Reads "1980" as "nineteen eighties", "80" as "eighties", "1900" as "nineteen hundreds"."""
    before, _, last = (year(digits) if len(digits) == 4 else cardinal(digits)).rpartition(" ")
    return f"{before} {last[:-1]}ies".strip() if last.endswith("y") else f"{before} {last}s".strip()


def fraction(top: str, bottom: str) -> str:
    """Reads "1", "2" as "one half"; "3", "4" as "three quarters"; "5", "1" as "five over one"."""
    if int(bottom) < 2:
        return f"{cardinal(top)} over {cardinal(bottom)}"
    part = {"2": "half", "4": "quarter"}.get(bottom) or ordinal(bottom)
    if int(top) == 1:
        return f"one {part}"
    return f"{cardinal(top)} {'halves' if part == 'half' else part + 's'}"


def mixed(whole: str, top: str, bottom: str) -> str:
    """Reads "2", "1", "2" as "two and a half"."""
    part = fraction(top, bottom)
    if top == "1" and int(bottom) > 1:
        part = f"{'an' if part.startswith('one e') else 'a'} {part.removeprefix('one ')}"
    return f"{cardinal(whole)} and {part}"


def roman(numeral: str) -> int:
    """Returns the value of a valid upper-case numeral up to 3,999; 0 for anything else."""
    values = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
    total = 0
    for place, letter in enumerate(numeral):
        value = values.get(letter, 0)
        following = values.get(numeral[place + 1 : place + 2], 0)
        total += -value if value < following else value
    return total if numeral == to_roman(total) else 0


def to_roman(number: int) -> str:
    """Returns "XIV" for 14; "" unless the number is from 1 to 3,999."""
    if not 0 < number < 4000:
        return ""
    tens = (("M", "", ""), ("C", "D", "M"), ("X", "L", "C"), ("I", "V", "X"))
    parts = []
    for digit, (one, five, ten) in zip(f"{number:04}", tens, strict=True):
        parts.append(
            {"4": one + five, "9": one + ten}.get(digit)
            or (five if digit >= "5" else "") + one * (int(digit) % 5 if digit != "0" else 0)
        )
    return "".join(parts)
