"""A whole second phase against one written out: ISC, OFA, equilibrium, a frozen backbone and SGD, step by step."""

import copy

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from overthink.data.augment import AugmentSpec
from overthink.data.batches import training_batches
from overthink.networks.collaboration import CollaborativeNetwork
from overthink.networks.collaboration_spec import CollaborationSpec
from overthink.networks.msdnet_spec import MSDNetSpec
from overthink.networks.multi_exit import MultiExitNetwork
from overthink.seeds import expand, generator
from overthink.training.loop import TrainingState, fit
from overthink.training.losses import OfaLossSpec
from overthink.training.phases import with_attachments
from overthink.training.regime import Phase
from support.samples import samples

SEEDS = expand(1)[0]
TINY = MSDNetSpec(kind="msdnet", blocks=3, channels=4, growth=2, head_channels=6)
ALPHA, TEMPERATURE, GAMMA = 0.6, 2.0, (1.0, 0.5, 2.0)
SECOND = Phase(
    epochs=1,
    batch_size=8,
    lr=0.05,
    momentum=0.8,
    weight_decay=0.01,
    loss=OfaLossSpec(kind="ofa", alpha=ALPHA, temperature=TEMPERATURE, weights=GAMMA),
    attach=CollaborationSpec(kind="isc", width=5),
    gradient_equilibrium=True,
)


def said(network: CollaborativeNetwork, images: Tensor) -> list[Tensor]:
    """Logits with gradients shared out by hand: what is detached counts in value and not in gradient."""
    state: tuple[Tensor, ...] = (images,)
    logits: list[Tensor] = []
    for i, (block, head) in enumerate(zip(network.blocks, network.exits, strict=True)):
        *finer, x = block(state)
        share = 1 / (3 - i)  # exits 1, 2, 3 of 3: 1/3, 1/2, 1
        read = x * share + (x * (1 - share)).detach()
        state = (*finer, x * (1 - share) + (x * share).detach())
        features = head.features.convolutions(read).mean((2, 3))  # type: ignore[union-attr,operator]
        if logits:
            linear, norm, _ = network.connections[i - 1]  # type: ignore[misc]
            given = logits[-1] @ linear.weight.T + linear.bias  # type: ignore[has-type]
            spread = (given.var(0, unbiased=False) + 1e-5).sqrt()
            given = (given - given.mean(0)) / spread * norm.weight + norm.bias  # type: ignore[has-type]
            features = torch.cat([features, given.clamp(min=0)], 1)
        classify = head.classify
        logits.append(features @ classify.weight.T + classify.bias)  # type: ignore[union-attr]
    return logits


def loss_by_hand(logits: list[Tensor], teacher: Tensor, labels: Tensor) -> Tensor:
    total = torch.zeros(())
    p_teacher = (teacher / TEMPERATURE).softmax(1)
    for i, exit_logits in enumerate(logits):
        entropy = -functional.one_hot(labels, 3).mul(exit_logits.softmax(1).log()).sum(1)
        ratio = (exit_logits / TEMPERATURE).softmax(1) / p_teacher
        divergence = -(p_teacher * ratio.log()).sum(1) * TEMPERATURE**2
        mixed = entropy if i == 2 else ALPHA * entropy + (1 - ALPHA) * divergence
        total = total + GAMMA[i] * mixed.mean()
    return total


def trained_by_hand(before: MultiExitNetwork, frozen: bool) -> MultiExitNetwork:
    teacher = copy.deepcopy(before).eval()
    network = with_attachments(copy.deepcopy(before), SECOND, 1, SEEDS).train()
    assert isinstance(network, CollaborativeNetwork)
    network.blocks.train(not frozen)
    moving = {name: p for name, p in network.named_parameters() if not (frozen and name.startswith("inner.blocks."))}
    velocity = {name: torch.zeros_like(p) for name, p in moving.items()}
    chances = generator(SEEDS, "order", 1, 0), generator(SEEDS, "augment", 1, 0)
    for images, labels in training_batches(samples(24), 8, AugmentSpec(), *chances):
        loss = loss_by_hand(said(network, images), teacher(images)[-1].detach(), labels)
        slopes = torch.autograd.grad(loss, list(moving.values()))
        with torch.no_grad():
            for (name, p), slope in zip(moving.items(), slopes, strict=True):
                velocity[name] = 0.8 * velocity[name] + slope + 0.01 * p
                p.sub_(0.05 * velocity[name])
    return network


@pytest.mark.parametrize("frozen", [False, True])
def test_a_second_phase_against_one_written_out(frozen: bool) -> None:
    second = SECOND.model_copy(update={"freeze": "backbone" if frozen else "nothing"})
    network = TINY.build((1, 16, 16), 3, torch.Generator().manual_seed(0))
    state = TrainingState(network)
    records = fit(state, (Phase(epochs=1, batch_size=8), second), samples(24), samples(24), AugmentSpec(), SEEDS)
    next(records)
    expected = dict(trained_by_hand(state.network, frozen).named_parameters())
    next(records)
    found = dict(state.network.named_parameters())
    assert found.keys() == expected.keys()
    for name, parameter in found.items():
        torch.testing.assert_close(parameter, expected[name], rtol=1e-3, atol=1e-5, msg=name)


def test_the_gradient_of_ofa_against_differences() -> None:
    """Central differences of the written-out loss, in double precision, for every logit of every exit."""
    chance = torch.Generator().manual_seed(0)
    logits = [torch.randn(4, 3, generator=chance, dtype=torch.double, requires_grad=True) for _ in range(3)]
    teacher, labels = torch.randn(4, 3, generator=chance, dtype=torch.double), torch.tensor([0, 1, 2, 0])
    SECOND.loss.build(3, torch.device("cpu"))(logits, labels, teacher).sum().backward()
    for i, exit_logits in enumerate(logits):
        assert exit_logits.grad is not None
        for place in range(12):
            step = torch.zeros(12, dtype=torch.double)
            step[place] = 1e-5
            moved = [
                [
                    other.detach() + sign * step.view(4, 3) if j == i else other.detach()
                    for j, other in enumerate(logits)
                ]
                for sign in (1, -1)
            ]
            up, down = (float(loss_by_hand(each, teacher, labels)) for each in moved)
            assert float(exit_logits.grad.view(-1)[place]) == pytest.approx((up - down) / 2e-5, abs=1e-7)
