"""What is known about a metric: its name, unit, range and source, and how it is computed."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import isnan
from typing import Literal

from overthink.metrics.naming import match
from overthink.predictions.absent import Known
from overthink.predictions.predictions import Predictions


@dataclass(frozen=True)
class Metric:
    """One number, or a family of numbers with placeholders in its name, such as `accuracy/exit_{exit}`."""

    name: str
    title: str
    """For people, with the name's placeholders."""
    source: str
    direction: Literal["higher", "lower", "none"]
    """Which direction is better; none where neither is."""
    compute: Callable[..., float | dict[str, float] | None]
    """Returns the number, or a family's numbers by full name; None or NaN where the number is undefined.

    Its arguments are the predictions, and the validation predictions where `needs_validation`; in the policy catalogue,
    `Answers` or `Evidence`.
    """
    unit: Literal["fraction", "MUL-ADDs", "L1", "temperature"] = "fraction"
    """MUL-ADDs are per sample; L1 is a sum of L1 distances between softmax outputs."""
    range: tuple[float, float | None] = (0, 1)
    """Lowest and highest possible value; None where the highest depends on the network."""
    needs_validation: bool = False
    """Whether it is fitted on validation data (thresholds, temperatures), so that it needs validation predictions."""
    needs: tuple[Known, ...] = ()
    """What predictions may lack and this metric needs: where it is absent, so is the metric."""

    def values(self, *arguments: object) -> dict[str, float]:
        """Return the values by full name, for the arguments of `compute`; undefined values are left out."""
        found = self.compute(*arguments)
        named = found if isinstance(found, dict) else {self.name: found}
        return {name: float(value) for name, value in named.items() if value is not None and not isnan(value)}

    def is_known(self, predictions: Predictions, validation: Predictions | None) -> bool:
        """Return whether predictions, and those on validation data where it needs them, have what it needs."""
        if self.needs_validation and validation is None:
            return False
        asked = [predictions] if validation is None or not self.needs_validation else [predictions, validation]
        return not any({*self.needs} & {*one.absent} for one in asked)

    def described(self, name: str) -> "Metric | None":
        """Return this metric with one full name and its title, or None where the name is not one of its names."""
        parts = match(self.name, name)
        return None if parts is None else replace(self, name=name, title=self.title.format(**parts))
