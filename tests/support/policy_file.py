"""A small policy network's definition file."""

from pathlib import Path
from typing import Any

import yaml

from support.small import definition

POLICY: dict[str, Any] = {
    "schema_version": 1,
    "name": "small-policy",
    "description": "Tiny policy networks for tests.",
    "policy": {"of": "small.yaml", "labels": {"lambda": 50}},
    "network": {"kind": "resnet", "layers": [1], "width": 4},
    "regime": [{"epochs": 2, "loss": {"kind": "joint", "balanced": True}}],
    "seeds": 2,
}


def policy_file(folder: Path, **changes: Any) -> Path:
    """Write the small policy definition beside the small main network's."""
    definition(folder)
    path = folder / "policy.yaml"
    path.write_text(yaml.safe_dump(POLICY | changes, sort_keys=False))
    return path
