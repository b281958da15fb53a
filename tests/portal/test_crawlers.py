"""`/robots.txt` and `/sitemap.xml`: what search engines are told."""

import re
from xml.etree import ElementTree

import pytest

from tests.support.envelopes import ANNIE
from voices.models import Voice
from voices.selectors import usable_voices

pytestmark = pytest.mark.django_db


def test_robots_are_kept_from_programs_addresses_and_shown_the_map(client):
    answer = client.get("/robots.txt")
    lines = answer.content.decode().splitlines()
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert lines[0] == "User-agent: *"
    assert {"Disallow: /api/", "Disallow: /admin/", "Disallow: /audio/", "Disallow: /reset-password/"} <= set(lines)
    assert lines[-1] == "Sitemap: http://testserver/sitemap.xml"


def test_the_map_names_public_pages_and_voices_that_speak_here(client, voices, django_assert_num_queries):
    gone = usable_voices().exclude(voice_id=ANNIE).order_by("voice_id")[0]
    Voice.objects.filter(pk=gone.pk).update(is_enabled=False)
    with django_assert_num_queries(1):
        answer = client.get("/sitemap.xml")
    assert answer.headers["Content-Type"] == "application/xml; charset=utf-8"
    ElementTree.fromstring(answer.content)  # noqa: S314 - our own answer
    found = re.findall(r"<loc>http://testserver(.*?)</loc>", answer.content.decode())
    assert found[:4] == ["/", "/voices", "/pricing", "/docs/api"]
    assert len(found) == len(set(found)) == 4 + usable_voices().count()
    assert f"/voices/{ANNIE}" in found
    assert f"/voices/{gone.voice_id}" not in found
    assert client.get(found[-1]).status_code == 200
