"""A real experiment that is as small as it can be: embedded digits, a tiny MSDNet, seconds on one core."""

from pathlib import Path
from typing import Any

import yaml

from overthink.definition.experiment import LoadedExperiment
from overthink.definition.loading import load_experiment

SMALL: dict[str, Any] = {
    "schema_version": 1,
    "name": "small",
    "description": "Tiny networks for tests.",
    "dataset": {
        "kind": "max-min-mnist",
        "digits": "embedded",
        "train": 400,
        "test": 80,
        "shrink": 2,
        "space_to_depth": 2,
    },
    "network": {"kind": "msdnet", "blocks": 3, "channels": 4, "growth": 2, "head_channels": 8},
    "regime": [{"epochs": 3, "drops": [2]}],
    "seeds": 2,
    "augment": {"pad": 1},
}

FEW_LAYERS: dict[str, Any] = SMALL["network"] | {"step_mode": "even"}
"""Half as many layers, in half the time: for tests that train many epochs in their own process."""
FEW_IMAGES: dict[str, Any] = SMALL["dataset"] | {"train": 160}
"""Two steps an epoch instead of five."""


def definition(folder: Path, **changes: Any) -> Path:
    """Write the small definition, with changes, to a file."""
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(SMALL | changes, sort_keys=False))
    return path


def small(folder: Path, **changes: Any) -> LoadedExperiment:
    """Return the small experiment, with changes."""
    return load_experiment(definition(folder, **changes))
