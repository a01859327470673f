"""A store that is busy with what one process writes."""

import time
from typing import Any

from overthink.store.writer import Writer, now_ms


class LateWriter(Writer):
    """Its runs, and runs that it resumes, are stored half a second after they were begun."""

    def create(self, *given: Any, **named: Any) -> str:
        begun = now_ms()
        time.sleep(0.5)
        return super().create(*given, **{"started_ms": begun, **named})

    def resume(self, *given: Any, **named: Any) -> None:
        time.sleep(0.5)
        super().resume(*given, **named)
