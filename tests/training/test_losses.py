import math

import pytest
import torch

from overthink.training.losses import JointLossSpec, build_loss, check_loss, cross_entropy

CPU = torch.device("cpu")


def test_joint_loss_by_hand() -> None:
    """Exit 1 gives the label (class 0) probability 1/2, exit 2 gives it 3/4: losses ln 2 and ln 4/3."""
    logits = [torch.zeros(1, 2), torch.tensor([[math.log(3.0), 0.0]])]
    labels = torch.tensor([0])
    torch.testing.assert_close(cross_entropy(logits, labels), torch.tensor([math.log(2), math.log(4 / 3)]))
    weighted = build_loss(JointLossSpec(kind="joint", weights=(0.5, 2.0)), 2, CPU)(logits, labels)
    torch.testing.assert_close(weighted, torch.tensor([0.5 * math.log(2), 2 * math.log(4 / 3)]))


def test_joint_loss_against_a_loop_over_samples() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = [torch.randn(7, 4, generator=generator) for _ in range(3)]
    labels = torch.randint(0, 4, (7,), generator=generator)
    losses = build_loss(JointLossSpec(kind="joint"), 3, CPU)(logits, labels)
    for exit_logits, loss in zip(logits, losses, strict=True):
        singles = [
            -math.log(math.exp(row[label]) / sum(math.exp(value) for value in row))
            for row, label in zip(exit_logits.tolist(), labels.tolist(), strict=True)
        ]
        assert float(loss) == pytest.approx(sum(singles) / 7, rel=1e-5)


def test_weights_must_fit_the_exits() -> None:
    with pytest.raises(ValueError, match="2 numbers, but the network has 3 exits"):
        check_loss(JointLossSpec(kind="joint", weights=(1.0, 1.0)), 3)
    with pytest.raises(ValueError, match="above 0"):
        JointLossSpec(kind="joint", weights=(0.0, 0.0))
