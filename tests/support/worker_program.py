"""A worker process for the tests: the product's own, with the engine that does as the text says.

python -m tests.support.worker_program celery CONCURRENCY
python -m tests.support.worker_program once [--die-before-completion] [--report-memory]
"""

import os
import resource
import signal
import sys
from typing import Any, NoReturn

import django
from django.conf import settings

from config.celery import app

QUEUES = "speech.espeak,maintenance"


def main(mode: str, *options: str) -> None:
    django.setup()
    settings.SPEECH_ENGINES = {"espeak": "tests.support.workers.ScriptedEngine"}
    if mode == "celery":
        app.worker_main(
            [
                *("worker", "--pool", "threads", "--concurrency", options[0], "--queues", QUEUES),
                *("--without-gossip", "--without-mingle", "--loglevel", "warning"),
            ]
        )
    else:
        _once(*options)


def _once(*options: str) -> None:
    from tts.services import lifecycle
    from tts.services.sweep import sweep
    from tts.tasks import speak_next

    if "--die-before-completion" in options:
        lifecycle.complete_job = _die
    sweep()
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    speak_next("speech.espeak")
    if "--report-memory" in options:
        print(before_kb, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def _die(**kwargs: Any) -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still alive")


if __name__ == "__main__":
    main(*sys.argv[1:])
