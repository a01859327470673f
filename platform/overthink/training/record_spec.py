"""Which samples' answers a run records in the course of its training; without torch, so that definitions load fast."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, model_validator

from overthink.spec import Spec

MOST_IDS = 1000


class RecordSpec(Spec):
    """Which samples a run records, and when: after every epoch if nothing else is said; at the end of each phase, too.

    Right or wrong, and the confidence, of each sample at each exit.
    """

    samples: Literal["train", "val", "test"]
    """Validation samples are evaluated after each epoch anyway; the others take an evaluation of their own."""
    ids: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1, max_length=MOST_IDS)] | None = None
    """Only these of them, by their ids; all if left out."""
    every_epochs: Annotated[int, Field(ge=1)] = 1
    every_steps: Annotated[int, Field(ge=1)] | None = None
    """Record after every so many training steps instead, counted over all phases."""

    def recordings(self, epochs: Sequence[int], steps: Sequence[int]) -> int:
        """Return how often phases of so many epochs, and steps in each epoch, are recorded, their ends not counted.

        >>> RecordSpec(samples="val").recordings((3, 2), (10, 10)), RecordSpec(samples="val", every_steps=4).recordings(
        ...     (3, 2), (10, 10)
        ... )
        (5, 12)
        """
        if self.every_steps is None:
            return sum(epochs) // self.every_epochs
        return sum(count * of_one for count, of_one in zip(epochs, steps, strict=True)) // self.every_steps

    @model_validator(mode="after")
    def _one_pace(self) -> "RecordSpec":
        if self.every_steps is not None and "every_epochs" in self.model_fields_set:
            raise ValueError("every_epochs and every_steps: give one of them")
        if self.ids is not None and len({*self.ids}) < len(self.ids):
            raise ValueError("ids: one of them is there twice")
        return self
