"""`make run`: sets everything up, then runs web, worker and beat on one machine until Ctrl-C."""

import signal
import socket
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from operations.management.commands.start import migrate
from operations.one_machine import process_commands
from operations.one_machine.first_run import DEMO_EMAIL, Demo, ProofFailed, create_demo, prove
from operations.one_machine.source_watch import SourceWatch
from operations.one_machine.static_files import collect_static_files
from operations.one_machine.supervisor import Child, Supervisor
from speech.engines.registry import all_engines
from tts.queue import MAINTENANCE_QUEUE
from webhooks.dispatch import QUEUE as WEBHOOK_QUEUE

WORKER_NICENESS = 5  # speech uses all the CPU it can get, and requests come first


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
        supervisor = Supervisor(self._programs())
        supervisor.start()
        if settings.WEBHOOK_ALLOW_NETWORKS:
            networks = ", ".join(map(str, settings.WEBHOOK_ALLOW_NETWORKS))
            self.stdout.write(f"Webhooks can reach {networks} in addition to the public internet.")
        try:
            if demo is None:
                self.stdout.write(f"Utterance is at {settings.PUBLIC_URL}. Ctrl-C stops it.")
            else:
                self._introduce(demo, supervisor)
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

    def _programs(self) -> list[Child]:
        """Returns the processes: web, beat, and a worker per queue whose engine works here.

        Separate workers keep engines apart: a model that fills the memory, or a slow provider, delays no other engine.
        The first worker also serves the idle queues.
        """
        at_work = list(dict.fromkeys(engine.queue for engine in all_engines() if not engine.unavailable_reason()))
        idle = [queue for queue in settings.SPEECH_QUEUES if queue not in at_work]
        queues_of = {f"worker {queue}": [queue] for queue in at_work[1:]}
        queues_of["worker"] = [*at_work[:1], *idle, MAINTENANCE_QUEUE, WEBHOOK_QUEUE]
        return [
            Child("web", process_commands.web_stream()),
            *(Child(name, process_commands.worker(mine), niceness=WORKER_NICENESS) for name, mine in queues_of.items()),
            Child("beat", process_commands.beat()),
        ]

    def _introduce(self, demo: Demo, supervisor: Supervisor) -> None:
        """Prints what a new user needs, once. The sign-in and the key are printed even if the test request fails."""
        url = settings.PUBLIC_URL
        authorization = f"Authorization: Bearer {demo.api_key}"
        lines = [
            "",
            f"  Utterance is at   {url}",
            f"  Sign in as        {DEMO_EMAIL}",
            f"  Password          {demo.password}",
            f"  API key           {demo.api_key}",
            "                    (the password and key are shown only once; save them)",
        ]
        try:
            proof = prove(
                base_url=f"http://{settings.LISTEN_HOST}:{settings.PORT}",
                api_key=demo.api_key,
                give_up=lambda: supervisor.is_stopping,
            )
        except ProofFailed as error:
            lines += ["", f"  The first sentence could not be played: {error}", "  See the log above for details."]
        else:
            lines += [
                f"  First audio       {proof.address} ({proof.duration_seconds:.2f} s)",
                "",
                "  Listen to it:",
                f"    curl --fail-with-body -L -o hello.wav {url}/api/v1/tts/{proof.job_id}/audio -H '{authorization}'",
                "  Create your own speech:",
                f"    curl --fail-with-body -o mine.mp3 {url}/v1/audio/speech -H '{authorization}' "
                "-H 'Content-Type: application/json' "
                '-d \'{"model": "tts-1", "voice": "espeak:en-GB-eSpeak-Lee", "input": "It is my turn to speak."}\'',
            ]
        self.stdout.write("\n".join([*lines, "", "  Ctrl-C stops it.", ""]))
        self.stdout.flush()
