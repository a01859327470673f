"""What one run takes of a cluster's machines."""

import math
import re
from collections.abc import Mapping
from typing import NamedTuple


class Resources(NamedTuple):
    """CPU cores and GPUs of one run, fractions included, and custom resources of a cluster's machines."""

    cpu: float = 1.0
    gpu: float = 0.0
    other: tuple[tuple[str, float], ...] = ()

    def __str__(self) -> str:
        """Say it as `--resources` takes it."""
        return ",".join(f"{name}={_plain(amount)}" for name, amount in self.amounts().items())

    def amounts(self) -> dict[str, float]:
        """Return name -> amount; no GPU where none is taken."""
        return {"cpu": self.cpu, **({"gpu": self.gpu} if self.gpu else {}), **dict(self.other)}

    def room(self, machine: Mapping[str, float]) -> int:
        """Return how many such runs a machine with these amounts has room for."""
        needed = {name: amount for name, amount in self.amounts().items() if amount}
        # Amounts are multiples of 1/10,000 to Ray: what a float is off must not cost a run.
        return math.floor(min((machine.get(name, 0.0) + 1e-6) / amount for name, amount in needed.items()))


ONE_CORE = Resources()
RAYS_OWN = ("memory", "object_store_memory", "bundle")
"""Names that Ray keeps to itself: it refuses a run that takes them as something of its own."""


def parse_resources(text: str) -> Resources:
    """Read `gpu=0.25,cpu=1`; raises ValueError saying what is wrong."""
    found: dict[str, float] = {}
    for part in text.split(","):
        name, _, amount = part.partition("=")
        if not re.fullmatch(r"[A-Za-z][\w.-]{0,99}", name) or not re.fullmatch(r"\d{1,6}(\.\d{1,4})?", amount):
            raise ValueError(f"--resources {text}: expected NAME=AMOUNT such as gpu=0.25,cpu=1, not {part!r}")
        if name != (meant := name.lower()) and meant in ("cpu", "gpu"):
            raise ValueError(f"--resources {text}: write {meant}, not {name}")
        if name in RAYS_OWN:
            raise ValueError(f"--resources {text}: {name} is Ray's own; a run takes cpu, gpu, or what machines name")
        if name in found:
            raise ValueError(f"--resources {text}: {name} is there twice")
        found[name] = float(amount)
    cpu, gpu = found.pop("cpu", 1.0), found.pop("gpu", 0.0)
    if gpu > 1 and gpu != int(gpu):
        raise ValueError(f"--resources {text}: a run takes part of one GPU, or whole ones")
    if not cpu and not gpu and not any(found.values()):
        raise ValueError(f"--resources {text}: a run that takes nothing would be begun without end")
    return Resources(cpu, gpu, tuple(sorted(found.items())))


def _plain(amount: float) -> str:
    """Write an amount as `parse_resources` reads it: never with an exponent."""
    return f"{amount:.4f}".rstrip("0").rstrip(".")
