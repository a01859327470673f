"""Settings that people make in the environment, in seconds."""

import math
import os


def patience_seconds() -> float:
    """Return how long the end of a launch waits at most for a store that takes nothing: OVERTHINK_PATIENCE."""
    return _seconds("OVERTHINK_PATIENCE", math.inf)


def checkpoint_seconds() -> float:
    """Return how much time lies between two copies of a checkpoint at least: OVERTHINK_CHECKPOINT_SECONDS."""
    return _seconds("OVERTHINK_CHECKPOINT_SECONDS", 60.0)


def check_settings() -> None:
    """Raise ValueError naming a setting that is not one, before anything is begun."""
    patience_seconds()
    checkpoint_seconds()


def _seconds(name: str, default: float) -> float:
    text = os.environ.get(name, "")
    if not text:
        return default
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 0 <= found < math.inf:
        raise ValueError(f"{name}={text}: expected seconds, such as 60")
    return found
