"""Settings in the environment, in seconds."""

import math
import os


def patience_seconds() -> float:
    """Return how long a launch waits at most at its end for an unreachable store: OVERTHINK_PATIENCE."""
    return _seconds("OVERTHINK_PATIENCE", math.inf)


def checkpoint_seconds() -> float:
    """Return the least time between two copies of a checkpoint in the store: OVERTHINK_CHECKPOINT_SECONDS."""
    return _seconds("OVERTHINK_CHECKPOINT_SECONDS", 60.0)


def check_settings() -> None:
    """Raise ValueError naming a setting that is not a number of seconds, before anything is begun."""
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
