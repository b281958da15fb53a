"""The spoken form of English text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech.text.normalize import normalize
from speech.text.spans import Replacement, apply

NUMBERS = [
    ("1035 cans", "one thousand thirty five cans"),
    ("Test 1.5", "Test one point five"),
    ("It is -5 outside", "It is minus five outside"),
    ("3 million people", "three million people"),
    ("100k views", "one hundred thousand views"),
    ("1.234.567 items", "one million two hundred thirty four thousand five hundred sixty seven items"),
    ("1/2 cup", "half a cup"),
    ("3/4", "three quarters"),
    ("2 1/2 miles", "two and a half miles"),
    ("the 21st and the 112th", "the twenty first and the one hundred twelfth"),
    ("10^6 and x²", "ten to the sixth and x squared"),
    ("pages 10-20", "pages ten to twenty"),
    ("score 3-2", "score three to two"),
    ("1- 2 = 5", "one minus two equals five"),
    ("Henry VIII", "Henry the eighth"),
    ("World War II", "World War two"),
    ("Chapter IV", "Chapter four"),
    ("Sam and I", "Sam and I"),
    ("No. 5 is #1", "number five is number one"),
]
DATES_AND_TIMES = [
    ("1990–2000", "nineteen ninety to two thousand"),
    ("in 1066, 1905 and 2010", "in ten sixty six, nineteen oh five and twenty ten"),
    ("the 1960s and the '80s", "the nineteen sixties and the eighties"),
    ("July 4, 1776", "July fourth, seventeen seventy six"),
    ("16 July 1943", "the sixteenth of July nineteen forty three"),
    ("2006-08-05", "August fifth two thousand six"),
    ("in august, august fifth, an august body", "in August, August fifth, an august body"),
    ("You may 5 times", "You may five times"),
    ("3:00", "three o'clock"),
    ("7:05", "seven oh five"),
    ("5:03 am", "five oh three A.M."),
    ("It ends at 5 p.m. We go.", "It ends at five PM. We go."),
    ("9am-5pm", "nine A.M. to five PM"),
    ("It ends at 5am. We go.", "It ends at five A.M. We go."),
    ("It ends at five AM.", "It ends at five A.M."),
    ("14:10:30", "fourteen hours ten minutes and thirty seconds"),
]
MONEY = [
    ("$5.3 billion", "five point three billion dollars"),
    ("$400 million", "four hundred million dollars"),
    ("$1.5M", "one point five million dollars"),
    ("$25k", "twenty five thousand dollars"),
    ("-$5", "minus five dollars"),
    ("20€ or 5 €", "twenty euros or five euros"),
    ("5$", "five dollars"),
    ("¥500", "five hundred yen"),
    ("₹100", "one hundred rupees"),
    ("£2.01", "two pounds one penny"),
    ("$100,000-$200,000", "one hundred thousand dollars to two hundred thousand dollars"),
    ("$5-10", "five to ten dollars"),
    ("$5–10", "five to ten dollars"),
    ("I spent $200,000", "I spent two hundred thousand dollars"),
]
UNITS = [
    ("5km 5kg 10ms", "five kilometers five kilograms ten milliseconds"),
    ("100mph 60 km/h 6ft", "one hundred miles per hour sixty kilometers per hour six feet"),
    ("25℃ and 72°F", "twenty five degrees Celsius and seventy two degrees Fahrenheit"),
    ("50‰ or 5%", "fifty per mille or five percent"),
    ("5m²", "five square meters"),
    ("5'11\"", "five foot eleven"),
    ("a 4-kilogram bag", "a four kilogram bag"),
    ("Wait 5 secs", "Wait five seconds"),
]
CODES = [
    ("Your code is 004217.", "Your code is zero zero four two one seven."),
    ("The code is 493 817.", "The code is four nine three, eight one seven."),
    ("ZIP 02134", "ZIP zero two one three four"),
    ("agent 007", "agent zero zero seven"),
    ("555-123-4567", "five five five, one two three, four five six seven"),
    ("4111111111111111", "four one one one, one one one one, one one one one, one one one one"),
    ("0800 123 456", "zero eight zero zero, one two three, four five six"),
    ("2.0.1", "two point zero point one"),
    ("user@example.com", "user at example dot com"),
    ("example.com/path", "example dot com slash path"),
    ("#ThrowbackThursday", "hashtag Throwback Thursday"),
    ("@john_doe", "at john underscore doe"),
    ("card ending in 8876", "card ending in eight eight seven six"),
    ("in a year ending in 1999", "in a year ending in nineteen ninety nine"),
    ("1" * 36, "one one one one, " * 8 + "one one one one"),
]
WORDS = [
    ("12 Main St. is", "twelve Main Street is"),
    ("St. Louis", "Saint Louis"),
    ("Dr. King lives on King Dr. now", "doctor King lives on King Drive now"),
    ("Bears vs. Lions", "Bears versus Lions"),
    ("Fifth Ave. and Sunset Blvd. meet", "Fifth Avenue and Sunset Boulevard meet"),
    ("Sgt. Pepper, Lt. Dan, Mt. Hood", "sergeant Pepper, lieutenant Dan, mount Hood"),
    ("Davis Jr. sang", "Davis Junior sang"),
    ("coffee w/o milk", "coffee without milk"),
    ("what're you doing", "what are you doing"),
    ("He has approx. 5 left", "He has approximately five left"),
    ("Eugene V. Klein", "Eugene V. Klein"),
    ("Compact AS said NO", "Compact AS said no"),
    ("I LOVE YOU", "I love you"),
    ("THIS PRODUCT IS GREAT", "this product is great"),
    ("STOP DOING THAT", "stop doing that"),
    ("The FBI came", "The FBI came"),
    ("CO2", "C O two"),
    ("I’m sure it’s fine. No, it wasn’t.", "I’m sure it’s fine. No, it wasn’t."),
]
SIGNS = [
    ("key--the key", "key—the key"),
    ("I saw it -- the ship", "I saw it—the ship"),
    ("Well... maybe", "Well… maybe"),
    ('"Hi," she said. "Bye"', "“Hi,” she said. “Bye”"),
    ("❤️ 👍🏽 👩‍💻 🇫🇷", "red heart thumbs up woman technologist flag of France"),
    ("**Bold** text", "Bold text"),
    ("# Heading", "Heading"),
    ("~~gone~~ now", "gone now"),
    ("[link](https://example.com)", "link"),
    ("- Milk\n- Eggs", "Milk\nEggs"),
    ("| a | b |\n|---|---|\n| c | d |", "a, b\nc, d"),
    ("run `make` now", "run make now"),
    ("```python\nx = 5\n```", "x equals five\n"),
    ("5 * 3", "five times three"),
    ("C# and C++", "C sharp and C plus plus"),
    ("snake_case", "snake underscore case"),
    ("**kwargs", "star star kwargs"),
    ("AT&T", "AT and T"),
]


@pytest.mark.parametrize(
    ("written", "said"),
    [*NUMBERS, *DATES_AND_TIMES, *MONEY, *UNITS, *CODES, *WORDS, *SIGNS],
    ids=lambda text: text[:40],
)
def test_what_is_written_is_said(written: str, said: str):
    assert normalize(written, "en-US").text.replace("-", " ") == said


@pytest.mark.parametrize("said", [said for _, said in (*NUMBERS, *DATES_AND_TIMES, *MONEY, *UNITS, *CODES)])
def test_what_is_said_stays_as_it_is(said: str):
    assert normalize(said, "en-GB").text == said


def test_what_is_said_knows_where_it_was_written():
    written = "She paid $5.3 billion in 1999, **twice**."
    spoken = normalize(written, "en-US")
    for said, source in [
        ("five", "$5.3 billion"),
        ("ninety nine", "1999"),
        ("twice", "twice"),
        ("paid five", "paid $5.3 billion"),
    ]:
        start = spoken.text.index(said)
        first, last = spoken.source_span(start, start + len(said))
        assert written[first:last] == source


def test_letters_are_joined_with_their_marks():
    spoken = normalize("cafe\u0301 no. 5", "en-US")
    assert spoken.text == "café number five"
    assert spoken.source_span(3, 4) == (3, 5)
    assert spoken.source_span(0, 4) == (0, 5)
    assert normalize("cafe\u0301", "xx").text == "café"


def test_a_long_text_is_said_part_by_part():
    text = "It costs $5 and 20%.\n" * 500
    spoken = normalize(text, "en-US")
    assert spoken.text == "It costs five dollars and twenty percent.\n" * 500
    place = spoken.text.rindex("twenty")
    assert spoken.source_span(place, place + 6) == (text.rindex("20%"), text.rindex("20%") + 3)


@pytest.mark.parametrize(("part", "said"), [("**Note. ", "Note. "), ("This is all.**", "This is all.")])
def test_bold_that_goes_over_two_sentences_is_not_read_out(part: str, said: str):
    assert normalize(part, "en-US").text == said


TEXTS = st.text(st.sampled_from("aB 0123456789.,:;/-–$€%°'\"*_#@&()[]|~`+=^²½❤️\n\u00a0IVXkmst"), max_size=80)


@given(TEXTS)
def test_every_place_that_is_said_is_in_the_source(text: str):
    spoken = normalize(text, "en-US")
    at = 0
    for place in range(len(spoken.text)):
        start, end = spoken.source_span(place, place + 1)
        assert at <= start < end <= len(text)
        at = start


@given(TEXTS, st.lists(st.tuples(st.integers(0, 80), st.integers(1, 5), st.text("xy", max_size=4)), max_size=5))
def test_text_between_replacements_keeps_its_place(text: str, wanted: list[tuple[int, int, str]]):
    replacements, at = [], 0
    for gap, length, said in wanted:
        start = at + gap
        at = start + length
        if at > len(text):
            break
        replacements.append(Replacement(start, at, said))
    spoken = apply(text, replacements)
    replaced = {place for replacement in replacements for place in range(replacement.start, replacement.end)}
    for place in range(len(spoken.text)):
        start, end = spoken.source_span(place, place + 1)
        assert text[start:end] == spoken.text[place] if start not in replaced else end - start >= 1


def test_replacements_may_not_overlap():
    with pytest.raises(ValueError, match="overlaps"):
        apply("abc", [Replacement(0, 2, "x"), Replacement(1, 3, "y")])
