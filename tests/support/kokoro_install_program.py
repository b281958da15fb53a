"""`manage.py kokoro_install` with the pins of KOKORO_TEST_FILES: run by the tests that kill it, or run two of it."""

import json
import os
import sys
from typing import Any

import django

django.setup()

from django.core.management import CommandError, call_command  # noqa: E402

from speech.engines.kokoro.sources import INSTALLS, File, PackagePart, Pin  # noqa: E402


def read_file(values: dict[str, Any]) -> File:
    parts = [PackagePart(**part | {"pin": Pin(**part["pin"])}) for part in values["pip_parts"]]
    return File(**values | {"pin": Pin(**values["pin"]), "pip_parts": tuple(parts)})


def main() -> int:
    INSTALLS["int8"] = tuple(read_file(values) for values in json.loads(os.environ["KOKORO_TEST_FILES"]))
    try:
        call_command("kokoro_install", *sys.argv[1:])
    except CommandError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
