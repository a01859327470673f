"""What a cluster is at a moment: its machines, and how many runs fit on them."""

from typing import Any

from pydantic import Field, JsonValue

from overthink.spec import Spec


class MachineState(Spec):
    """A machine of a cluster."""

    address: str
    has: dict[str, float]
    """Amounts in all: `cpu`, `gpu`, and other resources of a run."""
    room: int
    """Runs that fit on it, were it idle."""
    problem: str = ""
    """Why it cannot execute runs; empty where it can."""
    machine: dict[str, JsonValue] = Field(default_factory=dict)
    """Host name, system, processor and number of CPUs."""
    versions: dict[str, str | None] = Field(default_factory=dict)
    """Package -> version."""
    data: str | None = None
    """Its OVERTHINK_DATA."""


class ClusterState(Spec):
    """All machines that are alive."""

    machines: tuple[MachineState, ...]
    free: dict[str, float]
    """`cpu` and `gpu` that no run takes now."""
    resources: str
    """Of one run, as `--resources` takes them."""
    room: int

    def as_plain(self) -> dict[str, Any]:
        """Return it for JSON."""
        return self.model_dump(mode="json")
