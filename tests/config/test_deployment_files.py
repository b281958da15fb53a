"""What operators copy from says what the code reads: neither can drift from the other."""

import json
import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest
from django.conf import settings

from tests.live.compose import Deployment, interpolate, load_compose, our_services
from tests.live.proxy import stream_prefixes
from tests.run import ROOT

READER = re.compile(r'\benv_\w+\(\s*"(\w+)"')
FOR_TESTS = {"TEST_DATABASE_NAME"}
EXAMPLE_LINE = re.compile(r"#?([A-Z][A-Z0-9_]*)=")


def settings_of_the_code() -> set[str]:
    return set(READER.findall((ROOT / "config" / "settings.py").read_text())) - FOR_TESTS


def names_in_compose() -> set[str]:
    """What compose.yaml asks .env for."""
    return set(re.findall(r"\$\{(\w+)", (ROOT / "compose.yaml").read_text()))


def names_in_example() -> list[str]:
    lines = (ROOT / ".env.example").read_text().splitlines()
    return [match[1] for line in lines if (match := EXAMPLE_LINE.match(line))]


def test_the_example_has_every_setting_once_and_nothing_that_is_not_read() -> None:
    names = names_in_example()
    assert len(names) == len(set(names))
    assert settings_of_the_code() - set(names) == set()
    assert set(names) - settings_of_the_code() - names_in_compose() == {"COMPOSE_PROFILES"}  # read by compose itself


def test_every_line_of_the_example_is_explained_above_it() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    for before, line in zip(["", *lines], lines, strict=False):
        if EXAMPLE_LINE.match(line):
            assert before.startswith("# ") or EXAMPLE_LINE.match(before), line


def test_compose_asks_for_nothing_that_the_example_lacks() -> None:
    assert names_in_compose() - set(names_in_example()) - settings_of_the_code() == set()


def test_the_image_can_be_built_with_every_requirements_file_that_is_offered() -> None:
    offered = set(re.findall(r"requirements[\w-]*\.txt", (ROOT / "Dockerfile").read_text()))
    offered |= set(re.findall(r"^#EXTRA_REQUIREMENTS=(\S+)", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert {"requirements.txt", "requirements-kokoro-cjk.txt"} <= offered
    let_in = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert [name for name in offered if not any(fnmatch(name, pattern) for pattern in let_in)] == []
    assert all((ROOT / name).exists() for name in offered)


def test_only_the_proxy_has_ports() -> None:
    services = load_compose()["services"]
    assert [name for name, service in services.items() if "ports" in service] == ["proxy"]


def test_every_role_of_the_service_is_in_compose_and_the_image_runs_its_command() -> None:
    commands = [service["command"] for service in our_services(load_compose()).values()]
    assert sorted(commands) == [
        ["start", "beat"],
        ["start", "migrate"],
        ["start", "web-api"],
        ["start", "web-stream"],
        ["start", "worker", "maintenance"],
        ["start", "worker", "speech.espeak"],
        ["start", "worker", "speech.kokoro"],
        ["start", "worker", "speech.remote"],
        ["start", "worker", "webhooks"],
    ]
    entrypoint = re.findall(r"^ENTRYPOINT (.+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert [json.loads(command) for command in entrypoint] == [["python", "manage.py"]]


def test_the_image_brings_the_natural_voices_unless_a_build_argument_says_no() -> None:
    build = load_compose()["services"]["api"]["build"]["args"]
    assert interpolate(build["KOKORO"], {}) == "1"
    assert interpolate(build["KOKORO"], {"KOKORO": "0"}) == "0"
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert dockerfile.count("\nARG KOKORO=1\n") == 2  # to build, and for what runs
    folders = re.findall(r"KOKORO_MODEL_DIR=(\S+)", dockerfile)
    assert folders == ["/opt/kokoro", "/opt/kokoro"]  # where it is put, and where it is looked for
    assert "COPY --from=build /opt/kokoro /opt/kokoro\n" in dockerfile


@pytest.mark.parametrize(("kokoro", "workers"), [("", 1), ("1", 1), ("0", 0)])
def test_compose_starts_a_worker_for_the_natural_voices_unless_they_are_left_out(
    tmp_path: Path, kokoro: str, workers: int
) -> None:
    names = ("PUBLIC_HOST", "AUDIO_HOST", "POSTGRES_PASSWORD", "S3_ACCESS_KEY", "S3_SECRET_KEY")
    containers = Deployment(tmp_path, dict.fromkeys(names, "given") | {"KOKORO": kokoro}, {}).containers
    assert len([name for name in containers if name == "worker-kokoro"]) == workers
    assert "worker-espeak" in containers


def test_what_is_pinned_for_the_service_is_pinned_alike_for_tests_and_further_languages() -> None:
    service = dict(pins_in("requirements.txt"))
    for name in ("requirements-dev.txt", "requirements-kokoro-cjk.txt", "requirements-kokoro-torch.txt"):
        both = {package: version for package, version in pins_in(name) if package in service}
        different = {package for package in both if (package, both[package]) not in pins_in("requirements.txt")}
        assert different == set(), name


def test_what_is_long_to_hand_out_goes_to_the_asgi_process() -> None:
    assert stream_prefixes() == ("/audio/", "/stream/", "/v1/")


def test_connections_of_all_processes_fit_the_database() -> None:
    services = our_services(load_compose())
    pools = [int(service["environment"].get("DATABASE_POOL_SIZE", 16)) for service in services.values()]
    command = load_compose()["services"]["postgres"]["command"]
    assert sum(pools) < int(command[-1].removeprefix("max_connections=")) - 3  # 3: kept for the superuser


def test_the_version_is_that_of_the_project_and_of_the_newest_release() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    releases = re.findall(r"^## (\S+) - \d{4}-\d\d-\d\d$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert settings.VERSION == project["version"] == releases[0]


@pytest.mark.parametrize("name", ["manage.py", "pyproject.toml", "requirements.txt", "requirements-kokoro-cjk.txt"])
def test_what_the_image_is_built_from_is_in_its_context(name: str) -> None:
    kept = [line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"]
    assert any(fnmatch(name, pattern) for pattern in kept)


def pins_in(name: str) -> set[tuple[str, str]]:
    """Each package of a requirements file, with its version. A package may have two, for different systems."""
    return set(re.findall(r"^([\w.-]+)(?:\[[\w,-]+\])?==([^\s;]+)", (ROOT / name).read_text(), re.MULTILINE))


@pytest.mark.parametrize("name", ["", "-dev", "-lint", "-kokoro-cjk", "-pip"])
def test_every_package_is_pinned_with_a_hash(name: str) -> None:
    blocks = re.split(r"\n(?=\w)", (ROOT / f"requirements{name}.txt").read_text())
    assert len(blocks) == len(pins_in(f"requirements{name}.txt")) > (0 if name == "-pip" else 10)
    assert [block for block in blocks if "--hash=sha256:" not in block] == []


def test_the_linters_are_those_of_the_development_environment() -> None:
    assert pins_in("requirements-lint.txt") <= pins_in("requirements-dev.txt")


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("${A}-${B:-b}", "1-b"),
        ("${B-s3://x?endpoint_url=${SCHEME:-https}://${A:?}}", "s3://x?endpoint_url=https://1"),
        ("${EMPTY:-full}", "full"),
    ],
)
def test_variables_are_filled_in_as_compose_does(text: str, filled: str) -> None:
    assert interpolate(text, {"A": "1", "EMPTY": ""}) == filled


def test_a_variable_that_must_be_set_is_missed() -> None:
    with pytest.raises(KeyError, match="SECRET"):
        interpolate("${SECRET:?}", {})
