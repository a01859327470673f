"""What is known about a number: its name, unit, range and source."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Metric:
    """One number about predictions, or a family, whose name has placeholders: `accuracy/exit_{exit}`."""

    name: str
    title: str
    """For people, with the name's placeholders."""
    source: str
    direction: Literal["higher", "lower", "none"]
    """Which way is better; none where neither is by itself."""
    compute: Callable[..., float | dict[str, float]]
    """The number, or a family's numbers by full name; of predictions, and of validation predictions where needed."""
    unit: Literal["fraction", "MUL-ADDs", "L1", "temperature"] = "fraction"
    """MUL-ADDs are per sample; L1 is a sum of L1 distances between softmax outputs."""
    range: tuple[float, float | None] = (0, 1)
    """Lowest and highest possible value; None where the highest depends on the network."""
    needs_validation: bool = False
    """Whether something is chosen for it, on validation data: it is then computed from both kinds of predictions."""
