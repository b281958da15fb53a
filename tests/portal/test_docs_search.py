"""The search of the documentation."""

import re
from urllib.parse import urldefrag

import pytest
from django.test import Client

from portal.docs import search

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh_texts(voices):
    search._sections.cache_clear()


def found(client: Client, query: str) -> list[str]:
    """The addresses of the results, best first."""
    response = client.get("/docs/search", {"q": query})
    assert response.status_code == 200
    return re.findall(r'<section>\s*<a href="([^"]+)"', response.text)


def test_a_title_comes_before_a_heading_and_a_heading_before_text(client: Client):
    addresses = found(client, "webhooks")
    assert addresses[0] == "/docs/webhooks"
    assert addresses[1].startswith("/docs/webhooks#")
    ranks = [search._rank(result.section, ["webhooks"]) for result in search.search("webhooks")]
    assert ranks == sorted(ranks, key=lambda rank: rank or (9, 0))
    assert {rank[0] for rank in ranks if rank} == {0, 1, 2}


def test_every_word_must_be_there_in_any_case_and_order(client: Client):
    assert "/docs/credits#refunds" in found(client, "STREAMED failed refunds")
    assert found(client, "refunds zebra") == []


@pytest.mark.parametrize(
    "query, address",
    [
        ("LIMIT QUEUE_UNSERVED_SECONDS", "/docs/self-hosting#settings"),
        ("KEY_LIMIT_REACHED", "/docs/errors#codes"),  # from a table
        ("timingSafeEqual", "/docs/webhooks#verify-the-signature"),  # in a program
        ("German (Germany)", "/docs/voices#languages"),  # from the database
    ],
)
def test_tables_and_programs_are_found(client: Client, query: str, address: str):
    assert address in found(client, query)


def test_results_lead_to_headings_that_exist(client: Client):
    for address in found(client, "e"):
        path, anchor = urldefrag(address)
        page = client.get(path).text
        assert not anchor or f'id="{anchor}"' in page


@pytest.mark.parametrize("path", ["/docs/search", "/docs/search?q=", "/docs/search?q=+++"])
def test_without_a_query_there_is_only_the_form(client: Client, path: str):
    page = client.get(path).text
    assert 'name="q"' in page
    assert "<section>" not in page
    assert "Nothing found" not in page


def test_a_query_without_a_result_says_so(client: Client):
    assert "Nothing found for “zebra”." in client.get("/docs/search?q=zebra").text


@pytest.mark.parametrize("query", ["<script>alert(1)</script>", '"><b>', "\x00", ".*", "(", "[a", "\\", "é" * 50_000])
def test_hostile_queries_are_escaped_and_cut(client: Client, query: str):
    response = client.get("/docs/search", {"q": query})
    assert response.status_code == 200
    assert "<script>alert" not in response.text
    assert "<b>" not in response.text.partition('<article class="prose">')[2]
    assert "é" * (search.MAX_QUERY_CHARS + 1) not in response.text


def test_matches_are_marked_and_the_text_around_them_is_escaped(client: Client):
    page = client.get("/docs/search", {"q": "audio src"}).text
    assert "&lt;<mark>audio</mark> <mark>src</mark>=&quot;" in page


def test_the_pages_are_read_once_for_many_searches(client: Client, django_assert_num_queries):
    found(client, "refund")
    with django_assert_num_queries(0):
        search.search("webhooks")


def test_the_box_is_on_every_page_of_the_documentation(client: Client):
    assert 'action="/docs/search"' in client.get("/docs/quickstart").text
