from collections.abc import Sequence
from typing import Literal

import pytest
import torch
from torch import Tensor

from overthink.testing import check_loss
from overthink.training.losses import AbstractLossSpec, JointLossSpec, Loss, OfaLossSpec, RisingLossSpec


class Mine(AbstractLossSpec):
    """A loss of one's own, with nothing wrong."""

    kind: Literal["mine"] = "mine"

    def of_exit(self, logits_BC: Tensor) -> Tensor:
        return logits_BC.square().mean()

    def build(self, n_exits: int, device: torch.device, class_weights_C: Tensor | None = None) -> Loss:
        def loss(logits_EBC: Sequence[Tensor], labels_B: Tensor, teacher_BC: Tensor | None = None) -> Tensor:
            return torch.stack([self.of_exit(logits_BC) for logits_BC in logits_EBC])

        return loss


class Detached(Mine):
    def of_exit(self, logits_BC: Tensor) -> Tensor:
        return logits_BC.detach().square().mean() + 0 * logits_BC.sum()


class Below(Mine):
    def of_exit(self, logits_BC: Tensor) -> Tensor:
        return -logits_BC.square().mean()


class OneNumber(Mine):
    def build(self, n_exits: int, device: torch.device, class_weights_C: Tensor | None = None) -> Loss:
        return lambda logits_EBC, labels_B, teacher_BC=None: torch.stack(list(logits_EBC)).square().mean()


def test_losses_that_pass() -> None:
    check_loss(Mine())
    check_loss(JointLossSpec(kind="joint", balanced=True, weights=(1.0, 0.0)), 2)
    check_loss(RisingLossSpec(kind="rising"))
    check_loss(OfaLossSpec(kind="ofa"))


@pytest.mark.parametrize(
    "spec, said",
    [
        (Detached(), "exit 1: no gradient reaches its logits"),
        (Below(), "losses of"),
        (OneNumber(), r"it returns shape \(\), not a number for each exit"),
    ],
)
def test_what_does_not_fit(spec: Mine, said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        check_loss(spec)
