import math
from typing import Any

import pytest
import torch

from overthink.training.losses import JointLossSpec, OfaLossSpec, RisingLossSpec, cross_entropy

CPU = torch.device("cpu")


def test_joint_loss_by_hand() -> None:
    """Exit 1 gives the label (class 0) probability 1/2, exit 2 gives it 3/4: losses ln 2 and ln 4/3."""
    logits = [torch.zeros(1, 2), torch.tensor([[math.log(3.0), 0.0]])]
    labels = torch.tensor([0])
    torch.testing.assert_close(cross_entropy(logits, labels), torch.tensor([math.log(2), math.log(4 / 3)]))
    weighted = JointLossSpec(kind="joint", weights=(0.5, 2.0)).build(2, CPU)(logits, labels)
    torch.testing.assert_close(weighted, torch.tensor([0.5 * math.log(2), 2 * math.log(4 / 3)]))


def test_joint_loss_against_a_loop_over_samples() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = [torch.randn(7, 4, generator=generator) for _ in range(3)]
    labels = torch.randint(0, 4, (7,), generator=generator)
    losses = JointLossSpec(kind="joint").build(3, CPU)(logits, labels)
    for exit_logits, loss in zip(logits, losses, strict=True):
        singles = [
            -math.log(math.exp(row[label]) / sum(math.exp(value) for value in row))
            for row, label in zip(exit_logits.tolist(), labels.tolist(), strict=True)
        ]
        assert float(loss) == pytest.approx(sum(singles) / 7, rel=1e-5)


def test_weights_must_fit_the_exits() -> None:
    with pytest.raises(ValueError, match="2 numbers, but the network has 3 exits"):
        JointLossSpec(kind="joint", weights=(1.0, 1.0)).check(3)
    with pytest.raises(ValueError, match="above 0"):
        JointLossSpec(kind="joint", weights=(0.0, 0.0))


def ofa(**of: Any) -> OfaLossSpec:
    return OfaLossSpec(kind="ofa", **of)


def test_ofa_by_hand() -> None:
    """Exit 1 says (1/2, 1/2), the teacher (3/4, 1/4), the label is class 0: KL = 3/4 ln 3/2 + 1/4 ln 1/2."""
    logits = [torch.zeros(1, 2), torch.tensor([[2.0, 0.0]])]
    teacher, labels = torch.tensor([[math.log(3.0), 0.0]]), torch.tensor([0])
    divergence = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    last = math.log(1 + math.exp(-2.0))
    losses = ofa(alpha=0.9).build(2, CPU)(logits, labels, teacher)
    torch.testing.assert_close(losses, torch.tensor([0.9 * math.log(2) + 0.1 * divergence, last]))
    weaker = ofa(alpha=0.9, reduction="mean").build(2, CPU)(logits, labels, teacher)
    torch.testing.assert_close(weaker, torch.tensor([0.9 * math.log(2) + 0.1 * divergence / 2, last]))


def softmaxed(row: list[float], temperature: float) -> list[float]:
    powers = [math.exp(value / temperature) for value in row]
    return [power / sum(powers) for power in powers]


@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_ofa_against_a_loop_over_samples_and_classes(temperature: float) -> None:
    generator = torch.Generator().manual_seed(0)
    logits = [torch.randn(6, 4, generator=generator) for _ in range(3)]
    teacher, labels = torch.randn(6, 4, generator=generator), torch.tensor([0, 1, 2, 3, 0, 1])
    spec = ofa(alpha=0.3, temperature=temperature, weights=(0.5, 1.0, 2.0))
    losses = spec.build(3, CPU)(logits, labels, teacher)
    for i, loss in enumerate(losses.tolist()):
        total = 0.0
        for sample, label in enumerate(labels.tolist()):
            entropy = -math.log(softmaxed(logits[i][sample].tolist(), 1.0)[label])
            p_teacher = softmaxed(teacher[sample].tolist(), temperature)
            p_exit = softmaxed(logits[i][sample].tolist(), temperature)
            kl = -sum(t * math.log(p / t) for p, t in zip(p_exit, p_teacher, strict=True))
            total += entropy if i == 2 else 0.3 * entropy + 0.7 * temperature**2 * kl
        assert loss == pytest.approx((0.5, 1.0, 2.0)[i] * total / 6, rel=1e-4)


def test_the_own_last_exit_teaches_and_is_not_taught() -> None:
    first, last = torch.randn(3, 4, requires_grad=True), torch.randn(3, 4, requires_grad=True)
    labels = torch.tensor([0, 1, 2])
    ofa(alpha=0.0, teacher="own").build(2, CPU)([first, last], labels)[0].backward()
    assert last.grad is None or not last.grad.any()
    expected = (first.softmax(1) - last.softmax(1)).detach() / 3  # the gradient of KL(t || softmax(z)) is p - t
    torch.testing.assert_close(first.grad, expected)


def test_an_exit_alone_has_nobody_to_learn_from() -> None:
    logits, labels = [torch.tensor([[2.0, 0.0]])], torch.tensor([0])
    losses = ofa(teacher="own").build(1, CPU)(logits, labels)
    torch.testing.assert_close(losses, torch.tensor([math.log(1 + math.exp(-2.0))]))


def test_rising_weights_by_hand() -> None:
    """tau_i(e) = min(C_i, 0.01 + e C_i / N): C = 0.15 and 0.9 over N = 10 epochs, then times gamma."""
    rising = RisingLossSpec(kind="rising", until=(0.15, 0.9))
    found = [rising.at(epoch, 10, tuple).weights for epoch in (0, 4, 8, 9)]
    expected = [(0.025, 0.1, 1), (0.085, 0.46, 1), (0.145, 0.82, 1), (0.15, 0.9, 1)]
    assert [one for weights in found for one in weights or ()] == pytest.approx(
        [one for row in expected for one in row]
    )
    weighted = RisingLossSpec(kind="rising", until=(0.5,), start=0.0, weights=(2.0, 3.0))
    assert weighted.at(0, 4, tuple).weights == (0.25, 3.0)
    with pytest.raises(ValueError, match="depends on the epoch"):
        rising.build(3, CPU)
