"""A regime: the sequence of phases that a network is trained by."""

from typing import Annotated

from pydantic import Field, model_validator

from overthink.spec import Spec
from overthink.training.losses import JointLossSpec, LossSpec

Positive = Annotated[float, Field(gt=0)]


class Phase(Spec):
    """Epochs under one schedule and one loss. Defaults are the thesis's (section 4.2) and the reference's.

    Each phase starts with fresh momentum, as the original authors' separate scripts do.
    """

    epochs: Annotated[int, Field(ge=1, le=100_000)]
    lr: Positive = 0.1
    drops: tuple[Annotated[int, Field(ge=1)], ...] = ()
    """Epochs of this phase, counted from 0, from which on the learning rate is lower by `drop_factor`."""
    drop_factor: Annotated[float, Field(gt=0, le=1)] = 0.1
    batch_size: Annotated[int, Field(ge=2)] = 64
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    weight_decay: Annotated[float, Field(ge=0)] = 1e-4
    loss: LossSpec = JointLossSpec(kind="joint")

    @model_validator(mode="after")
    def _drops_ascend(self) -> "Phase":
        if list(self.drops) != sorted(set(self.drops)) or any(drop >= self.epochs for drop in self.drops):
            raise ValueError(f"drops must ascend and lie below epochs ({self.epochs}), got {list(self.drops)}")
        return self

    def lr_at(self, epoch: int) -> float:
        """Learning rate in an epoch of this phase, counted from 0."""
        return self.lr * self.drop_factor ** sum(epoch >= drop for drop in self.drops)


Regime = Annotated[tuple[Phase, ...], Field(min_length=1)]


def total_epochs(regime: tuple[Phase, ...]) -> int:
    """Epochs of all phases together."""
    return sum(phase.epochs for phase in regime)


def regime_label(regime: tuple[Phase, ...]) -> str:
    """Say a regime in a few words: `50 joint + 50 joint` (epochs and loss of each phase)."""
    return " + ".join(f"{phase.epochs} {phase.loss.kind}" for phase in regime)
