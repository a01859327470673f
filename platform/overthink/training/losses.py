"""Losses over all exits. A loss returns one number per exit, already weighted; training minimises their sum.

torch is imported where it is used: definitions load without it.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from overthink.spec import Spec

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Loss = Callable[[Sequence["Tensor"], "Tensor"], "Tensor"]
"""(logits_BC of exits 1..E, labels_B) -> losses_E."""


class JointLossSpec(Spec):
    """Joint cross-entropy (thesis eq. 3.6): every exit learns the label, exit i with weight gamma_i."""

    kind: Literal["joint"]
    weights: tuple[Annotated[float, Field(ge=0)], ...] | None = None
    """gamma, one per exit; 1 for every exit where left out, as in the thesis."""

    @model_validator(mode="after")
    def _some_weight(self) -> "JointLossSpec":
        if self.weights is not None and not sum(self.weights) > 0:
            raise ValueError(f"weights: at least one exit needs a weight above 0, got {list(self.weights)}")
        return self


LossSpec = JointLossSpec


def build_loss(spec: LossSpec, n_exits: int, device: "torch.device") -> Loss:
    """Return the loss of a specification; raises ValueError where its weights do not fit the number of exits."""
    import torch

    check_loss(spec, n_exits)
    weights_E = torch.ones(n_exits) if spec.weights is None else torch.tensor(spec.weights)
    weights_E = weights_E.to(device)

    def joint(logits_EBC: "Sequence[Tensor]", labels_B: "Tensor") -> "Tensor":
        return weights_E * cross_entropy(logits_EBC, labels_B)

    return joint


def check_loss(spec: LossSpec, n_exits: int) -> None:
    """Raise ValueError where a loss does not fit a network of so many exits."""
    if spec.weights is not None and len(spec.weights) != n_exits:
        raise ValueError(f"loss.weights has {len(spec.weights)} numbers, but the network has {n_exits} exits")


def cross_entropy(logits_EBC: "Sequence[Tensor]", labels_B: "Tensor") -> "Tensor":
    """Mean cross-entropy (nats) of each exit over a batch, shape (E,)."""
    import torch
    from torch.nn import functional

    return torch.stack([functional.cross_entropy(logits_BC, labels_B) for logits_BC in logits_EBC])
