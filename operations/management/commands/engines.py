"""Lists which engines work here, and why the others do not."""

import json
from typing import Any

from operations.management.output import OperatorCommand
from speech.engines.base import EngineError
from speech.engines.registry import all_engines


class Command(OperatorCommand):
    help = "List the configured engines and whether they work here. Changes nothing."

    def handle(self, *args: Any, **options: Any) -> None:
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
