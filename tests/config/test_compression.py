"""What goes over the wire compressed: pages, and nothing else."""

import gzip

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


def test_a_page_is_compressed_for_who_takes_it():
    plain = Client().get("/voices")
    packed = Client(headers={"accept-encoding": "gzip, br"}).get("/voices")
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert gzip.decompress(packed.content).startswith(b"\n<!DOCTYPE html>")
    assert len(packed.content) < len(plain.content) / 3


@pytest.mark.parametrize("path", ["/api/v1/voices", "/api/v1/openapi.json", "/docs/errors.md", "/healthz"])
def test_what_programs_ask_for_leaves_as_it_is(path: str):
    answer = Client(headers={"accept-encoding": "gzip"}).get(path)
    assert answer.status_code == 200
    assert "Content-Encoding" not in answer.headers
