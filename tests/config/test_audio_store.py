from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.audio_store import audio_storage

FOLDER = Path("/data/audio")
S3, GCS = "tts.storage.s3.S3AudioStorage", "tts.storage.gcs.GCSAudioStorage"


def test_without_an_address_audio_lies_in_files():
    assert audio_storage("", local_folder=FOLDER) == {
        "BACKEND": "tts.storage.local.LocalAudioStorage",
        "OPTIONS": {"location": FOLDER},
    }


@pytest.mark.parametrize(
    ("url", "backend", "options"),
    [
        ("s3://speech", S3, {"bucket_name": "speech", "location": "", "addressing_style": "virtual"}),
        (
            "s3://speech/a/b/?region=eu-central-1",
            S3,
            {"bucket_name": "speech", "location": "a/b", "region_name": "eu-central-1", "addressing_style": "virtual"},
        ),
        (
            "s3://speech?endpoint_url=http://s3:9000&public_endpoint_url=https://audio.example.com",
            S3,
            {
                "bucket_name": "speech",
                "location": "",
                "endpoint_url": "http://s3:9000",
                "public_endpoint_url": "https://audio.example.com",
                "addressing_style": "path",
            },
        ),
        (
            "s3://speech?endpoint_url=https://s3.example.com&addressing_style=virtual",
            S3,
            {
                "bucket_name": "speech",
                "location": "",
                "endpoint_url": "https://s3.example.com",
                "addressing_style": "virtual",
            },
        ),
        ("gs://speech/prefix", GCS, {"bucket_name": "speech", "location": "prefix"}),
    ],
)
def test_an_address_names_a_bucket_a_prefix_and_options(url: str, backend: str, options: dict[str, str]):
    assert audio_storage(url, local_folder=FOLDER) == {"BACKEND": backend, "OPTIONS": options}


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("/srv/audio", "must start with s3:// or gs://"),
        ("https://s3.example.com/speech", "must start with s3:// or gs://"),
        ("s3:///prefix", "must name a bucket"),
        ("s3://AKIA:topsecret@speech", "Credentials are taken from the environment"),
        ("s3://speech:9000/prefix", "must name a bucket and nothing else"),
        ("s3://speech?regoin=eu-central-1", "unknown option 'regoin'"),
        ("gs://speech?region=eu", "unknown option 'region'"),
        ("s3://speech?addressing_style=sideways", "must be path or virtual"),
    ],
)
def test_another_address_is_refused_with_its_reason_and_never_quoted(url: str, says: str):
    with pytest.raises(ImproperlyConfigured) as refusal:
        audio_storage(url, local_folder=FOLDER)

    assert says in str(refusal.value)
    assert "topsecret" not in str(refusal.value)
