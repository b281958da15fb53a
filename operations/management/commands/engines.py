"""Lists which engines work here, and why the others do not."""

import json
from typing import Any

from operations.management.output import OperatorCommand
from speech.engines.base import EngineError
from speech.engines.registry import all_engines
from tts.services.catalogue import sync_catalogue


class Command(OperatorCommand):
    help = "List the configured engines and their availability, and refresh the voice catalogue from them."

    def handle(self, *args: Any, **options: Any) -> None:
        sync_catalogue()
        engines = []
        for engine in all_engines():
            reason = engine.unavailable_reason()
            about: dict[str, Any] = {
                "engine": engine.name, "available": not reason, "reason": reason or None, "queue": engine.queue
            }  # fmt: skip
            if not reason:
                try:
                    about |= engine.describe()
                except EngineError as error:
                    about |= {"available": False, "reason": str(error)}
            engines.append(about)
        if options["json"]:
            self.stdout.write(json.dumps({"engines": engines}))
            return
        for about in engines:
            self.report(about, as_json=False)
            self.stdout.write("")
