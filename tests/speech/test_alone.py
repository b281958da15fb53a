"""speech is a library: it loads without settings, and nothing of the service comes with it."""

import subprocess
import sys

from tests.run import ROOT

PROGRAM = """
import importlib, pkgutil, sys
import speech

for module in pkgutil.walk_packages(speech.__path__, "speech."):
    importlib.import_module(module.name)
service = "accounts billing config operations portal tts voices webhooks django.db rest_framework celery".split()
print(len([name for name in sys.modules if name.startswith("speech.")]) > 20, sorted(set(service) & set(sys.modules)))
"""


def test_every_module_loads_without_settings_and_without_the_service() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, env={}, capture_output=True, text=True, check=True)
    assert done.stdout == "True []\n"
