"""A regime: the sequence of phases that a network is trained by."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, model_validator

from overthink.networks.boosting_spec import BoostingSpec
from overthink.networks.collaboration_spec import CollaborationSpec
from overthink.spec import Spec
from overthink.training.losses import JointLossSpec, LossSpec

Positive = Annotated[float, Field(gt=0)]
OWN_CHECKPOINT, PARENT_CHECKPOINT = "checkpoint.safetensors", "parent.safetensors"
"""Files in a run's folder: its checkpoint, and that of the parent run that trained its first phases."""
PREVIOUS_CHECKPOINT = "checkpoint.previous.safetensors"
"""File in a run's folder: the checkpoint before the newest."""
STORED_CHECKPOINT = "checkpoint.stored.safetensors"
"""File in a run's folder: a copy of its checkpoint from the store, which an interrupted upload may have truncated."""

SNAPSHOTS = "snapshots"
"""Folder of a run's artifacts that has its snapshots."""


def snapshot_name(epoch: int) -> str:
    """Return the name of the file, in a run's folder and among its artifacts, of its snapshot after so many epochs."""
    return f"epoch-{epoch}.safetensors"


NO_TRAINING = "no training"
AttachSpec = Annotated[CollaborationSpec | BoostingSpec, Field(discriminator="kind")]


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
    optimiser: Literal["sgd", "adam"] = "sgd"
    """Adam's weight decay is added to the gradient, as in torch.optim.Adam; beta_1 is `momentum`, beta_2 is 0.999."""
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    weight_decay: Annotated[float, Field(ge=0)] = 1e-4
    loss: LossSpec = JointLossSpec(kind="joint")
    attach: AttachSpec | None = None
    """Attached to the network at the start of the phase, and kept."""
    freeze: Literal["nothing", "backbone", "features"] = "nothing"
    """What this phase freezes, BatchNorm statistics included (the original updates them): the blocks; or the blocks
    and the exits' convolutions, so that only last layers and connections learn.
    """
    exits: Literal["all", "last", "earlier"] = "all"
    """Exits that learn: all; the last one; or those before it. The others stay as they are, bit for bit, and their
    losses do not count.
    """
    stop_after: Annotated[int, Field(ge=1)] | None = None
    """Stop once the validation loss has had no new minimum for this many epochs; only in the last phase."""
    gradient_equilibrium: bool = False
    """Whether gradients are balanced between exits (Li et al. 2019)."""
    gradient_dominance: bool = False
    """Whether each epoch also logs which exit shared weights follow (`training.gradients`); training is the same."""

    @model_validator(mode="after")
    def _drops_ascend(self) -> "Phase":
        if list(self.drops) != sorted(set(self.drops)) or any(drop >= self.epochs for drop in self.drops):
            instead = [self.epochs - 1] if self.epochs > 1 else []
            raise ValueError(
                f"drops must ascend and lie below epochs ({self.epochs}), got {list(self.drops)}; "
                f"set them, too, such as --set regime.0.drops={instead} (0: the first phase)"
            )
        return self

    @property
    def has_teacher(self) -> bool:
        """Whether exits learn from the network as it was at the end of the previous phase."""
        return self.loss.needs_teacher

    @property
    def learning(self) -> slice:
        """Which of exits 1..E learn, as a slice of a sequence of them."""
        return {"all": slice(None), "last": slice(-1, None), "earlier": slice(None, -1)}[self.exits]

    def lr_at(self, epoch: int) -> float:
        """Return the learning rate in an epoch of this phase, counted from 0.

        >>> [Phase(epochs=3, lr=1.0, drops=(2,)).lr_at(epoch) for epoch in range(3)]
        [1.0, 1.0, 0.1]
        """
        return self.lr * self.drop_factor ** sum(epoch >= drop for drop in self.drops)


Regime = tuple[Phase, ...]


def check_regime(regime: tuple[Phase, ...], n_exits: int, trained: bool = False) -> None:
    """Raise ValueError naming a phase that does not fit a network with that many exits, or the phases before it.

    `trained`: whether the network has been trained before the first phase.
    """
    for number, phase in enumerate(regime):
        try:
            phase.loss.check(n_exits)
            if number == 0:
                _check_first(phase, trained)
            if phase.stop_after is not None and number < len(regime) - 1:
                raise ValueError("stop_after: only the last phase may end early, since others build on its epochs")
            if phase.attach is not None and n_exits < 2:
                raise ValueError("attach: connections lead from exit to exit, but the network has only one exit")
            if phase.attach is not None and any(earlier.attach is not None for earlier in regime[:number]):
                raise ValueError("attach: an earlier phase has attached connections between exits already")
            if phase.exits != "all":
                _check_some_exits(phase, n_exits, any(one.attach is not None for one in regime[: number + 1]))
        except ValueError as error:
            raise ValueError(f"regime.{number}.{error}") from None


def check_undivided(regime: tuple[Phase, ...], network: str) -> None:
    """Raise ValueError for a phase that needs blocks and exits of a network that is one module."""
    for number, phase in enumerate(regime):
        asked = {
            "attach": phase.attach is not None,
            "freeze": phase.freeze != "nothing",
            "exits": phase.exits != "all",
            "gradient_equilibrium": phase.gradient_equilibrium,
            "gradient_dominance": phase.gradient_dominance,
        }
        for key in (key for key, is_asked in asked.items() if is_asked):
            raise ValueError(
                f"regime.{number}.{key}: network {network} is one module, whose blocks and exits are not known; this "
                "needs a network with a specification of its own (docs/own-network.md)"
            )


def check_epochs(key: str, epochs: Sequence[int], regime: tuple[Phase, ...]) -> None:
    """Raise ValueError naming the key where epochs, counted over all phases, do not ascend or training ends before."""
    total = total_epochs(regime)
    if list(epochs) != sorted(set(epochs)):
        raise ValueError(f"{key}: epochs must ascend, got {list(epochs)}")
    if epochs and epochs[-1] >= total:
        raise ValueError(f"{key}: epoch {epochs[-1]} is not before the end of training, which has {total} epochs")
    if epochs and regime[-1].stop_after is not None and epochs[-1] > total_epochs(regime[:-1]) + regime[-1].stop_after:
        raise ValueError(f"{key}: training may end before epoch {epochs[-1]}, since its last phase has stop_after")


def _check_first(phase: Phase, trained: bool) -> None:
    if phase.has_teacher:
        raise ValueError(
            "loss.teacher: previous is the network as it was at the end of the previous phase, and the first phase has "
            "none; use teacher: own to learn from the network's own last exit"
        )
    if phase.freeze != "nothing" and not trained:
        raise ValueError(f"freeze: {phase.freeze} cannot be frozen in the first phase, since it is untrained")


def _check_some_exits(phase: Phase, n_exits: int, connected: bool) -> None:
    if n_exits < 2:
        raise ValueError(f"exits: {phase.exits} of one exit; leave it out")
    if connected:
        raise ValueError(
            f"exits: {phase.exits} is not possible with connections between exits: each reads those before"
        )
    if phase.gradient_equilibrium:
        raise ValueError(f"gradient_equilibrium: it balances all exits, but only {phase.exits} exits learn")
    weights = phase.loss.weights
    if weights is not None and not sum(weights[phase.learning]) > 0:
        raise ValueError(f"loss.weights: the exits that learn ({phase.exits}) need a weight above 0")


def total_epochs(regime: tuple[Phase, ...]) -> int:
    """Return the number of epochs of all phases together."""
    return sum(phase.epochs for phase in regime)


def regime_label(regime: tuple[Phase, ...]) -> str:
    """Return a short name such as `50 joint + 50 isc+ofa`: epochs of each phase, what it attaches, its loss."""
    return NO_TRAINING if not regime else " + ".join(f"{phase.epochs} {_phase_label(phase)}" for phase in regime)


def _phase_label(phase: Phase) -> str:
    parts = [
        *([phase.attach.kind] if phase.attach else []),
        phase.loss.kind,
        *(["ge"] if phase.gradient_equilibrium else []),
        *([f"{phase.exits}-exits" if phase.exits == "earlier" else "last-exit"] if phase.exits != "all" else []),
        *(["adam"] if phase.optimiser == "adam" else []),
        *([f"frozen-{phase.freeze}"] if phase.freeze != "nothing" else []),
    ]
    return "+".join(parts)
