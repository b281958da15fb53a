"""The voices of these tests: English only, a catalogue small enough to be counted by hand."""

import pytest

from voices.models import Voice


@pytest.fixture
def voices(voices: None) -> None:
    Voice.objects.exclude(language__in=["en-US", "en-GB"]).delete()
