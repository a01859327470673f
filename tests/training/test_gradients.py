"""Gradient dominance: by hand from gradients, without an effect on what is trained."""

import copy

import torch

from overthink.data.augment import AugmentSpec
from overthink.networks.msdnet_spec import MSDNetSpec
from overthink.networks.multi_exit import MultiExitNetwork
from overthink.seeds import expand
from overthink.training.gradients import gradient_dominance
from overthink.training.loop import TrainingState, fit
from overthink.training.losses import JointLossSpec
from overthink.training.regime import Phase
from support.samples import samples

SPEC = MSDNetSpec(kind="msdnet", blocks=3, channels=4, growth=2, head_channels=6)
SHAPE = (1, 16, 16)
SEEDS = expand(1)[0]
LOGGED = Phase(epochs=1, batch_size=8, lr=0.05, gradient_dominance=True)


def network() -> MultiExitNetwork:
    return SPEC.build(SHAPE, 3, torch.Generator().manual_seed(0))


def dominance(of: MultiExitNetwork, phase: Phase) -> tuple[float, ...]:
    loss = phase.loss.build(3, torch.device("cpu"))
    return gradient_dominance(of, phase, loss, None, samples())


def test_against_gradients_of_one_exit_at_a_time() -> None:
    weights = (1.0, 0.5, 2.0)
    phase = LOGGED.model_copy(update={"loss": JointLossSpec(kind="joint", weights=weights)})
    of = network().eval()
    images_BKHW, labels_B = samples().batch(torch.arange(8))
    gradients = []
    for row, weight in enumerate(weights):
        of.zero_grad()
        (weight * torch.nn.functional.cross_entropy(of(images_BKHW)[row], labels_B)).backward()
        own = [torch.zeros_like(p) if p.grad is None else p.grad for p in of.blocks[0].parameters()]
        gradients.append(torch.cat([gradient.flatten() for gradient in own]))
    total = gradients[0] + gradients[1] + gradients[2]
    expected = [float(g @ total / (g.norm() * total.norm())) for g in gradients]
    torch.testing.assert_close(torch.tensor(dominance(network(), phase)), torch.tensor(expected))


def test_an_exit_that_learns_alone_has_all_of_it() -> None:
    found = dominance(network(), LOGGED.model_copy(update={"exits": "last"}))
    torch.testing.assert_close(torch.tensor(found), torch.tensor([0.0, 0.0, 1.0]))


def test_a_frozen_block_follows_nobody() -> None:
    of = network()
    of.blocks[0].requires_grad_(False)
    assert dominance(of, LOGGED) == ()


def test_training_is_the_same_with_it() -> None:
    states = []
    for logged in (True, False):
        state = TrainingState(copy.deepcopy(network()))
        (record,) = fit(
            state,
            (LOGGED.model_copy(update={"gradient_dominance": logged}),),
            samples(),
            samples(),
            AugmentSpec(),
            SEEDS,
        )
        assert len(record.gradient_dominance) == (3 if logged else 0)
        states.append(state.network.state_dict())
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())
