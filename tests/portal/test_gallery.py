"""The public pages about voices and prices: what they find, what they cost, what they say when nothing fits."""

import gzip
import re
from urllib.parse import urlencode

import pytest
from django.test import Client

from accounts.models import Plan
from billing.models import Pack, Price
from tests.factories import build_made_sample, make_many_voices, make_user
from tests.support.envelopes import ANNIE
from tests.support.rows import text_of
from voices.models import Voice
from voices.selectors import usable_voices

pytestmark = pytest.mark.django_db

LEE = "espeak:en-GB-eSpeak-Lee"


def found(client: Client, query: str = "") -> list[str]:
    """The ids of the voices on that page."""
    page = client.get(f"/voices{query}")
    assert page.status_code == 200
    return re.findall(r'<a href="/voices/([^"/]+)">', page.content.decode())


def test_the_gallery_shows_every_voice_to_anybody(client, voices):
    usable = Voice.objects.filter(is_enabled=True, is_listed=True, unavailable_reason="").count()
    page = client.get("/voices")
    assert f"{usable} voices" in text_of(page.content.decode())
    assert len(found(client)) == min(usable, 24)


def test_a_voice_that_does_not_speak_here_is_neither_listed_nor_a_page(client, voices):
    assert ANNIE in found(client, "?q=annie&language=en-US")
    Voice.objects.filter(voice_id=ANNIE).update(is_enabled=False)
    assert ANNIE not in found(client, "?q=annie&language=en-US")
    assert client.get(f"/voices/{ANNIE}").status_code == 404


@pytest.mark.parametrize(
    ("query", "changed"),
    [
        ("?gender=neutral", {"gender": "neutral"}),
        ("?model_type=ultra", {"model_type": "ultra"}),
        ("?can=prompt", {"supports_prompt": True}),
        ("?can=dialogue&gender=neutral", {"supports_multispeaker": True, "gender": "neutral"}),
        ("?language=xx-XX", {"language": "xx-XX", "language_name": "Xish"}),
        ("?q=zanzibar", {"name": "Zanzibar"}),
        ("?provider=kokoro", {"provider": "kokoro"}),
    ],
)
def test_each_filter_finds_what_it_says_and_nothing_else(client, voices, query, changed):
    Voice.objects.exclude(voice_id=ANNIE).update(gender="female", supports_prompt=False, supports_multispeaker=False)
    Voice.objects.filter(voice_id=ANNIE).update(**changed)
    assert found(client, query) == [ANNIE]


@pytest.mark.parametrize("query", ["?gender=robot", "?can=fly", "?language=tlh", "?page=999", "?page=x", "?q=%00"])
def test_an_address_that_makes_no_sense_still_leads_somewhere(client, voices, query):
    assert client.get(f"/voices{query}").status_code == 200


def test_nothing_found_says_what_was_sought_and_a_way_on(client, voices):
    text = text_of(client.get("/voices?q=nobody&gender=male").content.decode())
    assert "No voice matches “nobody”, “Male”." in text
    assert "see all voices" in text


def test_pages_keep_the_filters(client, many_voices):
    page = client.get("/voices?gender=female").content.decode()
    assert 'href="?gender=female&amp;page=2"' in page
    first, second = found(client, "?gender=female"), found(client, "?gender=female&page=2")
    assert not set(first) & set(second)


def test_what_is_ticked_to_be_compared_stays_so_on_every_link_of_the_gallery(client, many_voices):
    client.force_login(make_user("alice@acme.example"))
    filters = "?gender=female&provider=polly&q=voice2"
    first, second = "polly:en-1-Neural-Voice1", found(client, filters)[0]
    picks = urlencode([("voice", first), ("voice", second)]).replace("&", "&amp;")
    page = client.get(f"/voices{filters}&voice={first}&voice={second}&voice={second}&voice=").content.decode()
    for link in (
        f'href="?q=voice2&amp;provider=polly&amp;gender=female&amp;{picks}&amp;page=2"',
        f'href="/voices?provider=polly&amp;gender=female&amp;{picks}"',  # a chip
        f'href="/voices?{picks}"',  # clear all filters
        f'href="/voices?q=voice2&amp;provider=polly&amp;gender=female&amp;favourites=on&amp;{picks}"',
    ):
        assert link in page, link
    # Those of this page are ticked, the others go along unseen; Apply and Compare send both.
    ticked = re.findall(r'<input type="checkbox"\s+name="voice"\s+form="filters"\s+value="([^"]+)"\s+checked>', page)
    unseen = re.findall(r'<input type="hidden" name="voice" form="filters" value="([^"]+)">', page)
    assert ticked == [second]
    assert unseen == [first]
    assert picks in client.get(f"/voices?q=nobody&voice={first}&voice={second}").content.decode()


def test_each_filter_is_a_chip_whose_link_takes_it_away(client, voices):
    page = client.get("/voices?q=annie&gender=female&can=ssml").content.decode()
    chips = re.findall(r'<a class="chip"\s+href="([^"]*)">\s*([^<]*?)\s*<', page)
    assert chips == [
        ("/voices?gender=female&amp;can=ssml", "annie"),
        ("/voices?q=annie&amp;can=ssml", "Female"),
        ("/voices?q=annie&amp;gender=female", "SSML"),
    ]
    assert "Clear all filters" in page
    one = client.get("/voices?can=ssml").content.decode()
    assert re.findall(r'<a class="chip"\s+href="([^"]*)">', one) == ["/voices"]
    plain = client.get("/voices").content.decode()
    assert 'class="chip"' not in plain
    assert "Clear all filters" not in plain


def test_locales_are_grouped_under_their_language_which_finds_all_of_them(client, voices):
    page = client.get("/voices").content.decode()
    english = page.split('<optgroup label="English">')[1].split("</optgroup>")[0]
    options = re.findall(r'<option value="([^"]*)">([^<]*)</option>', english)
    assert options[0] == ("en", "English, all")
    assert ("en-GB", "English (United Kingdom)") in options
    assert ("en-US", "English (United States)") in options
    assert '<option value="pl-PL">Polish (Poland)</option>' in page.replace(english, "")
    assert "Polish" not in "".join(re.findall(r"<optgroup[^>]*>", page))

    count = usable_voices().filter(language__startswith="en-").count()
    everything = client.get("/voices?language=en").content.decode()
    assert f"{count} voices" in text_of(everything)
    assert re.findall(r'class="chip"\s+href="[^"]*">\s*([^<]*?)\s*<', everything) == ["English, all"]


@pytest.fixture
def many_voices(db):
    make_many_voices(2000)


def test_two_thousand_voices_cost_few_queries_and_a_small_page(client, many_voices, django_assert_num_queries):
    with django_assert_num_queries(5):
        page = client.get("/voices")
    client.force_login(make_user("alice@acme.example"))
    with django_assert_num_queries(7):
        page = client.get("/voices")
    assert len(gzip.compress(page.content)) <= 100_000
    assert "2000 voices" in text_of(page.content.decode())


def test_a_voice_has_a_page_with_its_price_and_a_first_request(client, voices):
    Price.objects.filter(pk="premium").update(microcredits_per_character=1_600)
    for kind, spoken in (("news", "Eleven."), ("story", "It was raining.")):
        build_made_sample(Voice.objects.get(voice_id=LEE), kind, text=spoken).save()
    page = client.get(f"/voices/{LEE}").content.decode()
    text = text_of(page)
    assert "1.60 credits per 1,000 characters" in text
    assert re.findall(rf'href="/voices/{LEE}/samples/(\w+)"', page) == ["story", "news"]
    assert page.index("It was raining.") < page.index("Eleven.")
    assert re.findall(r'<label for="sample-\d+-(\w+)">(\w+)</label>', page) == [("story", "Story"), ("news", "News")]
    assert page.count('<svg class="wave wave--lg"') == 2
    assert f'<link rel="canonical" href="http://testserver/voices/{LEE}">' in page
    assert page.count("/api/v1/tts") == 4  # curl (twice), Python, Node
    assert f"/playground?voice_id={LEE.replace(':', '%3A')}" in page
    assert ANNIE not in page or "Other voices in" in text


# --- prices ---------------------------------------------------------------------------------------


def test_the_prices_are_those_of_the_database(client, db):
    Price.objects.filter(pk="ultra").update(microcredits_per_character=4_500)
    Plan.objects.filter(pk="pro").update(price=2_950, monthly_microcredits=3_000_000_000)
    text = text_of(client.get("/pricing").content.decode())
    for told in ("Ultra : 4.50 credits per 1,000 characters", "$29.50 per month", "3,000 credits per month"):
        assert told in text, told
    for pack in Pack.objects.filter(is_enabled=True):
        assert f"{pack.credits_microcredits // 1_000_000:,} credits" in text


def test_the_calculator_counts_in_credits_and_packs(client, db):
    text = text_of(client.get("/pricing?characters=1,500,000&tier=premium").content.decode())
    assert "That is 1,500.00 credits per month." in text
    assert "2 × the pack of 1,000: $20.00" in text


@pytest.mark.parametrize("characters", ["", "many", "-1", "0", "1.5", "99999999999"])
def test_what_is_no_number_of_characters_is_said_at_the_field(client, db, characters):
    answer = client.get("/pricing", {"characters": characters, "tier": "premium"})
    assert answer.status_code == 400
    assert "The cost could not be estimated" in answer.content.decode()


def test_a_sample_is_drawn_and_a_page_of_them_is_still_a_small_page(client, voices):
    build_made_sample(Voice.objects.get(voice_id=ANNIE)).save()
    page = client.get("/voices?q=annie&language=en-US").content.decode()
    assert (page.count('<svg class="wave"'), page.count("<legend")) == (1, 0)  # there is nothing to choose
    make_many_voices(30)
    page = client.get("/voices").content
    assert page.count(b'<svg class="wave"') == 24 * 3
    assert page.count(b'<legend class="sr-only">Sample of Voice') == 24
    assert len(gzip.compress(page)) < 60_000
