"""`make run`: sets everything up, then runs web, worker and beat on one machine until Ctrl-C."""

import signal
import socket
import threading
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from operations.management.commands.start import migrate
from operations.one_machine import process_commands
from operations.one_machine.first_run import (
    ARRIVAL_SECONDS,
    BASIC_VOICE,
    DEMO_EMAIL,
    NATURAL_VOICE,
    PROOF_SECONDS,
    Demo,
    Proof,
    ProofFailed,
    create_demo,
    prove,
    wait_for_voice,
)
from operations.one_machine.natural_voices import is_model_missing
from operations.one_machine.source_watch import SourceWatch
from operations.one_machine.static_files import collect_static_files
from operations.one_machine.supervisor import Child, Supervisor
from speech.engines.kokoro.voices import PROVIDER as KOKORO
from speech.engines.registry import all_engines, get_engine
from tts.queue import MAINTENANCE_QUEUE
from voices.selectors import usable_voices
from webhooks.dispatch import QUEUE as WEBHOOK_QUEUE

LISTENS_EVERYWHERE = settings.LISTEN_HOST in {"0.0.0.0", "::"}  # noqa: S104 - which is no address to ask at
BASE_URL = f"http://{'127.0.0.1' if LISTENS_EVERYWHERE else settings.LISTEN_HOST}:{settings.PORT}"
WORKER_NICENESS = 5  # speech uses all the CPU it can get, and requests come first
INSTALLATION_NICENESS = 19  # a one-time task comes last


class Command(BaseCommand):
    help = "Set up and run the whole service on one machine: web, worker and beat."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--reload", action="store_true", help="restart when code or templates change; requires DEBUG=1 (`make dev`)"
        )

    def handle(self, *args: Any, reload: bool, **options: Any) -> None:
        if reload and not settings.DEBUG:
            raise CommandError("--reload is for development: run `make dev`, or set DEBUG=1.")
        try:
            self._serve(reload=reload)
        except KeyboardInterrupt:  # before the supervisor handles it
            raise SystemExit(128 + signal.SIGINT) from None

    def _serve(self, *, reload: bool) -> None:
        self._check_port()
        source = SourceWatch(settings.BASE_DIR, skipped=settings.DATA_DIR) if reload else None
        migrate(verbosity=0)
        collect_static_files()
        demo = create_demo()
        is_arriving = is_model_missing()
        supervisor = Supervisor(_programs(is_arriving=is_arriving))
        supervisor.start()
        if is_arriving:
            program, on_done = process_commands.kokoro_installation(), self._on_arrival(supervisor, demo)
            supervisor.add(Child("installation of Kokoro", program, niceness=INSTALLATION_NICENESS, on_done=on_done))
        if settings.WEBHOOK_ALLOW_NETWORKS:
            networks = ", ".join(map(str, settings.WEBHOOK_ALLOW_NETWORKS))
            self.stdout.write(f"Webhooks can reach {networks} in addition to the public internet.")
        try:
            if demo is None:
                self.stdout.write(f"Utterance is at {settings.PUBLIC_URL}. Ctrl-C stops it.")
            else:
                self._introduce(demo, supervisor, is_arriving=is_arriving)
            if source is None:
                supervisor.watch()
            else:
                self.stdout.write("Code and templates are reloaded when they change.")
                supervisor.watch(changed_files=source.changed_files)
        finally:
            self.stdout.write("Stopping.")
            supervisor.stop()

    def _check_port(self) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((settings.LISTEN_HOST, settings.PORT))
            except OSError:
                raise CommandError(
                    f"Port {settings.PORT} is in use. Stop the process that uses it, or choose another port: "
                    "PORT=8001 make run"
                ) from None

    def _introduce(self, demo: Demo, supervisor: Supervisor, *, is_arriving: bool) -> None:
        """Prints what a new user needs, once. The sign-in and the key are printed even if the test request fails."""
        url = settings.PUBLIC_URL
        authorization = f"Authorization: Bearer {demo.api_key}"
        is_natural = usable_voices().filter(voice_id=NATURAL_VOICE).exists()
        lines = [
            "",
            f"  Utterance is at   {url}",
            f"  Sign in as        {DEMO_EMAIL}",
            f"  Password          {demo.password}",
            f"  API key           {demo.api_key}",
            "                    (the password and key are shown only once; save them)",
        ]
        try:
            proof = _speak(demo, NATURAL_VOICE if is_natural else BASIC_VOICE, supervisor)
        except ProofFailed as error:
            lines += ["", f"  The first sentence could not be played: {error}", "  See the log above for details."]
        else:
            voice_id = NATURAL_VOICE if is_natural or is_arriving else BASIC_VOICE
            lines += [
                f"  First audio       {proof.address} ({proof.duration_seconds:.2f} s)",
                "",
                "  Listen to it:",
                f"    curl --fail-with-body -L -o hello.wav {url}/api/v1/tts/{proof.job_id}/audio -H '{authorization}'",
                "  Create your own speech:",
                f"    curl --fail-with-body -o mine.mp3 {url}/v1/audio/speech -H '{authorization}' "
                "-H 'Content-Type: application/json' "
                f'-d \'{{"model": "tts-1", "voice": "{voice_id}", "input": "It is my turn to speak."}}\'',
            ]
            if is_arriving:
                lines += ["", "  Natural voices are being installed; the last command works when they are ready."]
        self.stdout.write("\n".join([*lines, "", "  Ctrl-C stops it.", ""]))
        self.stdout.flush()

    def _on_arrival(self, supervisor: Supervisor, demo: Demo | None) -> Callable[[], None]:
        """Returns what to do when the natural voices are installed: start a worker, show a new user that they work."""

        needs_worker = bool(get_engine(KOKORO).unavailable_reason())  # else voices were missing, not the model

        def start_worker() -> None:
            if needs_worker:
                supervisor.add(_worker(settings.ENGINE_QUEUES[KOKORO]))
            # In a thread, so that the supervisor continues to watch.
            threading.Thread(target=self._announce, args=(supervisor, demo), name="announcement", daemon=True).start()

        return start_worker

    def _announce(self, supervisor: Supervisor, demo: Demo | None) -> None:
        """Waits until the worker has listed its voices; for a new user, also generates a first sentence."""
        line = "Natural voices are ready."
        try:
            wait_for_voice(base_url=BASE_URL, voice_id=NATURAL_VOICE, give_up=lambda: supervisor.is_stopping)
            if demo is not None:
                proof = _speak(demo, NATURAL_VOICE, supervisor, seconds=ARRIVAL_SECONDS)
                line += f" First audio: {proof.address} ({proof.duration_seconds:.2f} s)"
        except ProofFailed as error:
            line = f"Natural voices are installed, but a first sentence could not be played: {error}"
        if not supervisor.is_stopping:
            self.stdout.write(line)


def _programs(*, is_arriving: bool) -> list[Child]:
    """Returns the processes: web, beat, and a worker per queue whose engine works here.

    Separate workers keep engines apart: a model that fills the memory, or a slow provider, delays no other engine. The
    first worker also serves the idle queues, except that of a model that is still being installed.
    """
    at_work = list(dict.fromkeys(engine.queue for engine in all_engines() if not engine.unavailable_reason()))
    arriving = settings.ENGINE_QUEUES[KOKORO] if is_arriving else ""
    idle = [queue for queue in settings.SPEECH_QUEUES if queue not in at_work and queue != arriving]
    first = [*at_work[:1], *idle, MAINTENANCE_QUEUE, WEBHOOK_QUEUE]
    return [
        Child("web", process_commands.web_stream()),
        *(_worker(queue) for queue in at_work[1:]),
        Child("worker", process_commands.worker(first), niceness=WORKER_NICENESS),
        Child("beat", process_commands.beat()),
    ]


def _worker(queue: str) -> Child:
    return Child(f"worker {queue}", process_commands.worker([queue]), niceness=WORKER_NICENESS)


def _speak(demo: Demo, voice_id: str, supervisor: Supervisor, *, seconds: float = PROOF_SECONDS) -> Proof:
    """Generates a sentence. Raises ProofFailed."""
    return prove(
        base_url=BASE_URL,
        api_key=demo.api_key,
        voice_id=voice_id,
        give_up=lambda: supervisor.is_stopping,
        seconds=seconds,
    )
