"""English prose stays as it is, and amounts in it are said as a reader would."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech.text.normalize import normalize

# What looks like a number, a date or an abbreviation, and is none.
PROSE = [
    "I told Mary I was tired, and she told John I’d be late.",
    "When I met Peter I was ten.",
    "The day I met her, the book I read, the class I took.",
    "Part I think was great.",
    "Malcolm X gave a speech.",
    "Start IV fluids now.",
    "Hi, OK, bye. Well, OK then.",
    "Jane Doe, MD, PhD",
    "The WHO said so.",
    "Then, OR now?",
    "Plan B, vitamin C, Section A, an X-ray and Class D.",
    "Come in. It is cold. Let us in. I am here. Who is it?",
    "My CV is attached. The CD is broken.",
    "Use and/or, he/she, mother-in-law, T-shirt.",
    "May I? You may. They march in march time.",
    "Sat down, sun up, I wed, the rep said so.",
]
SENTENCES = [
    ("Elizabeth I was queen.", "Elizabeth the first was queen."),
    ("King Charles I was executed", "King Charles the first was executed"),
    ("World War I was terrible", "World War one was terrible"),
    ("Chapter I: A Beginning", "Chapter one: A Beginning"),
    ("a Type I error", "a Type one error"),
    ("5 may go home. The 3 may be wrong.", "five may go home. The three may be wrong."),
    ("on 9/15, due 12/25", "on September fifteenth, due December twenty fifth"),
    ("Mon-Fri", "Monday to Friday"),
    ("born c. 1450", "born circa fourteen fifty"),
    ("a $20 bill, a £1bn deal", "a twenty dollar bill, a one billion pound deal"),
    ("The 5 kg bag, a 60W bulb", "The five kilogram bag, a sixty watt bulb"),
    ("a $5 million in cash", "a five million dollars in cash"),
    ("the $5 million raised", "the five million dollars raised"),
    ("6 ft. tall, 5 lbs. of beef", "six feet tall, five pounds of beef"),
    ("5-foot-4, 5 ft 11 in tall", "five foot four, five foot eleven tall"),
    ("the 4x100m relay", "the four by one hundred meters relay"),
    ("in 3.2 s.", "in three point two seconds."),
    ("BP 120/80", "BP one hundred twenty over eighty"),
    ("90 mg/dL, 120 mmHg", "ninety milligrams per deciliter, one hundred twenty millimeters of mercury"),
    ("a score of 8/10, 4.5/5, a 10/10", "a score of eight out of ten, four point five out of five, a ten out of ten"),
    ("1.5x faster", "one point five times faster"),
    ("25 bps", "twenty five basis points"),
    ("a 10K run", "a ten K run"),
    ("Two 747s and three F-16s", "Two seven forty sevens and three F sixteens"),
    ("the 49ers; 1s and 0s", "the forty niners; ones and zeros"),
    ("SHA-256 and 1080p", "SHA two fifty six and ten eighty p"),
    ("Python 3.12 and version 1.25", "Python three point twelve and version one point twenty five"),
    ("ISBN 978-3-16-148410-0", "ISBN nine seven eight, three, one six, one four eight four one zero, zero"),
    ("Invoice #INV-2023-0045", "Invoice number INV two zero two three, zero zero four five"),
    ("a 401(k)", "a four oh one k"),
    ("the class of '05", "the class of oh five"),
    ("John 3:16, Psalm 23:4", "John three sixteen, Psalm twenty three, verse four"),
    ("1 Corinthians 13:4-7", "first Corinthians thirteen, verses four to seven"),
    ("Did he? No. 5 did.", "Did he? No. five did."),
    ("Mr. and Mrs. Jones", "mister and misses Jones"),
    ("King Jr. Day", "King Junior Day"),
    ("on Main St. Then go", "on Main Street. Then go"),
    ("Tulsa, OK is", "Tulsa, Oklahoma is"),
    ("edit /etc/nginx.conf", "edit slash etc slash nginx dot conf"),
    ("F# minor", "F sharp minor"),
    ("love you <3", "love you heart"),
    ('a 27" monitor and a 6.1" phone', "a twenty seven inch monitor and a six point one inch phone"),
]
SENTENCES += [
    ("1-2 in. of snow on Sat. and by Mon. night", "one to two inches of snow on Saturday and by Monday night"),
    ('3-5".', "three to five inches."),
    ("¼ tsp. cumin for 1-1½ hours", "one quarter teaspoon cumin for one to one and a half hours"),
    ("fell 5 bps to 4.25%", "fell five basis points to four point two five percent"),
    ("BP: 130/85 mmHg", "BP: one hundred thirty over eighty five millimeters of mercury"),
    ("20/40 vision", "twenty forty vision"),
    ("an 11-5-1 record", "an eleven five one record"),
    ("(9th Cir. 1997)", "(ninth Circuit nineteen ninety seven)"),
    ("card ending in 1234 was charged", "card ending in one two three four was charged"),
    ("Text STOP to 12345.", "Text stop to one two three four five."),
    ("a V8 engine, v8", "a V eight engine, version eight"),
    ("the early '00s, spring '24", "the early two thousands, spring twenty four"),
    ("i++", "i plus plus"),
    ("St Andrews", "Saint Andrews"),
    ("US AND UK TROOPS LEAVE", "US and UK troops leave"),
    ("CONTACT US TODAY", "contact us today"),
    ("KING CHARLES III CROWNED", "king charles three crowned"),
    ("ask the IT DEPARTMENT", "ask the IT department"),
]
SENTENCES += [
    ("an 80/20 rule, a 60/40 split", "an eighty twenty rule, a sixty forty split"),
    ("a 737-800", "a seven thirty seven eight hundred"),
    ("wait 30s, in her 30s", "wait thirty seconds, in her thirties"),
    ("The Dr. is in.", "The doctor is in."),
    ("The est. cost, est. 1999", "The estimated cost, established nineteen ninety nine"),
    ("I AM LEGEND", "I am legend"),
    ("In April 5 people came", "In April five people came"),
]
DAY_FIRST = [
    ("03/04/2024", "the third of April twenty twenty four"),
    ("3.4.24 and 03.04.24", "three point four point twenty four and the third of April twenty four"),
    ("on 5/11, due 25/12", "on the fifth of November, due the twenty fifth of December"),
    ("2024-04-03", "April third twenty twenty four"),
    ("20p or £1.50", "twenty pence or one pound fifty pence"),
    ("1/2 cup on 3/4 of", "half a cup on three quarters of"),
]
WORDS_OF_PROSE = """
    a the and in on at it is am us who no may march sun sat wed mar part book day week class King Mary John Hi Well he
    she was were said told me my dr st go or an of to we so if by year second point minute quarter half Plan Section B
    """


@pytest.mark.parametrize(("written", "said"), SENTENCES, ids=lambda text: text[:40])
def test_amounts_in_prose_are_said(written: str, said: str):
    assert normalize(written, "en-US").text.replace("-", " ") == said


@pytest.mark.parametrize(("written", "said"), DAY_FIRST, ids=lambda text: text[:40])
def test_the_day_comes_first_in_britain(written: str, said: str):
    assert normalize(written, "en-GB").text.replace("-", " ") == said
    assert normalize(written, "en-GB-scotland").text.replace("-", " ") == said


@pytest.mark.parametrize("prose", PROSE, ids=lambda text: text[:40])
def test_prose_is_said_as_it_is_written(prose: str):
    assert normalize(prose, "en-US").text == prose


@given(
    st.lists(
        st.tuples(st.sampled_from(WORDS_OF_PROSE.split()), st.sampled_from(["", "", "", ",", ";", ":", ".", "!", "?"])),
        max_size=30,
    )
)
def test_plain_words_and_usual_punctuation_stay_as_they_are(words: list[tuple[str, str]]):
    prose = " ".join(word + mark for word, mark in words)
    assert normalize(prose, "en-US").text == prose
