"""A store that is busy with what one process begins."""

import time
from typing import Any

from overthink.store.writer import Writer, now_ms


class LateWriter(Writer):
    """Its runs are stored half a second after they were begun."""

    def create(self, *given: Any, **named: Any) -> str:
        begun = now_ms()
        time.sleep(0.5)
        return super().create(*given, **named, started_ms=begun)
