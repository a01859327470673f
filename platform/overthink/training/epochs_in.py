"""How many epochs a checkpoint has; without torch, so that a plan of what is left to train need not import that."""

from collections.abc import Iterable
from pathlib import Path

from overthink.training.regime import OWN_CHECKPOINT, PREVIOUS_CHECKPOINT, STORED_CHECKPOINT
from overthink.untrusted import parse_json


def epochs_in(path: Path) -> int:
    """Return the number of epochs in a checkpoint; -1 if it cannot be read."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            history = parse_json((file.metadata() or {}).get("history", ""))
    except (OSError, SafetensorError, ValueError):
        return -1
    return len(history) if isinstance(history, list) else -1


def most_epochs(folder: Path) -> int:
    """Return the number of epochs that a run resumes with from a folder; 0 without a checkpoint."""
    names: Iterable[str] = (OWN_CHECKPOINT, PREVIOUS_CHECKPOINT, STORED_CHECKPOINT)
    return max(0, *(epochs_in(folder / name) for name in names if (folder / name).exists()), 0)
