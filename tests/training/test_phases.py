"""Phases on a tiny network: everything goes with everything, and what is frozen stays as it is."""

import copy
from functools import cache
from itertools import product

import pytest
import torch

from overthink.data.augment import AugmentSpec
from overthink.networks.collaboration_spec import CollaborationSpec
from overthink.networks.msdnet_spec import MSDNetSpec
from overthink.networks.multi_exit import ExitHead, MultiExitNetwork
from overthink.seeds import Seeds, expand
from overthink.training.loop import TrainingState, fit
from overthink.training.losses import JointLossSpec, OfaLossSpec
from overthink.training.phases import frozen_modules, network_in
from overthink.training.regime import Phase
from support.samples import samples

SEEDS: Seeds = expand(1)[0]
TINY = MSDNetSpec(kind="msdnet", blocks=3, channels=4, growth=2, head_channels=6)
FIRST = Phase(epochs=1, batch_size=8, lr=0.05)


def fresh() -> TrainingState:
    return TrainingState(TINY.build((1, 16, 16), 3, torch.Generator().manual_seed(0)))


def trained(*regime: Phase) -> TrainingState:
    state = fresh()
    list(fit(state, regime, samples(24), samples(24), AugmentSpec(), SEEDS))
    return state


@cache
def after_first() -> TrainingState:
    return trained(FIRST)


def bits(network: MultiExitNetwork) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


LOSSES = [JointLossSpec(kind="joint"), *(OfaLossSpec(kind="ofa", teacher=who) for who in ("previous", "own"))]
ATTACHED = [None, *(CollaborationSpec(kind="isc", connection=kind) for kind in ("linear", "identity", "convolution"))]


@pytest.mark.parametrize("loss, attach", list(product(LOSSES, ATTACHED)))
def test_everything_goes_with_everything(loss: OfaLossSpec, attach: CollaborationSpec | None) -> None:
    for freeze, equilibrium in product(("nothing", "backbone", "features"), (False, True)):
        second = Phase(
            epochs=1,
            batch_size=8,
            loss=loss,
            attach=attach,
            freeze=freeze,  # type: ignore[arg-type]
            gradient_equilibrium=equilibrium,
        )
        state = copy.deepcopy(after_first())
        record = next(fit(state, (FIRST, second), samples(24), samples(24), AugmentSpec(), SEEDS))
        assert record.epoch == 2
        assert torch.isfinite(torch.tensor(record.train_loss))
        assert_only_the_unfrozen_moved(after_first().network, state.network, second)


def trunk(network: MultiExitNetwork) -> list[torch.Tensor]:
    """Parameters and statistics of blocks and exits' convolutions, in one order with and without ISC."""
    modules = [*network.blocks, *(head.features for head in network.exits if isinstance(head, ExitHead))]
    return [tensor for module in modules for tensor in module.state_dict(keep_vars=True).values()]


def assert_only_the_unfrozen_moved(before: MultiExitNetwork, after: MultiExitNetwork, phase: Phase) -> None:
    """Bit for bit, BatchNorm statistics and their counters included."""
    frozen = frozen_modules(after, phase)
    still = {id(tensor) for module in frozen for tensor in (*module.parameters(), *module.buffers())}
    old, new = trunk(before), trunk(after)
    assert bool(still) == (phase.freeze != "nothing")
    for one, other in zip(old, new, strict=True):
        assert torch.equal(one, other) or id(other) not in still
    moved = [not torch.equal(one, other) for one, other in zip(old, new, strict=True) if id(other) not in still]
    assert all(moved) or phase.freeze == "features"


def test_the_teacher_is_the_network_as_the_phase_before_left_it() -> None:
    state = fresh()
    second = Phase(epochs=2, batch_size=8, loss=OfaLossSpec(kind="ofa"), attach=CollaborationSpec(kind="isc"))
    records = fit(state, (FIRST, second), samples(24), samples(24), AugmentSpec(), SEEDS)
    next(records)
    left = bits(state.network)
    next(records)
    assert state.teacher is not None
    taught_by = bits(state.teacher)
    assert all(torch.equal(left[name], taught_by[name]) for name in left)
    assert not any(parameter.requires_grad for parameter in state.teacher.parameters())
    next(records)
    assert state.teacher is None


def test_distillation_pulls_exits_towards_the_teacher() -> None:
    """With alpha 0 the loss of an exit is its distance to the teacher, and training makes it smaller."""
    only_teacher = Phase(
        epochs=8, batch_size=8, lr=0.02, loss=OfaLossSpec(kind="ofa", alpha=0.0, weights=(1.0, 1.0, 0.0))
    )
    state = fresh()
    records = list(fit(state, (FIRST, only_teacher), samples(24), samples(24), AugmentSpec(), SEEDS))
    assert records[-1].train_loss < 0.7 * records[1].train_loss


def test_attachments_are_drawn_from_the_init_stream_of_their_phase() -> None:
    phases = (FIRST, Phase(epochs=1, attach=CollaborationSpec(kind="isc")))
    other = SEEDS.model_copy(update={"init": 9})
    one, same, different = (bits(network_in(fresh().network, phases, seeds)) for seeds in (SEEDS, SEEDS, other))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["connections.0.0.weight"], different["connections.0.0.weight"])


def test_equilibrium_changes_the_training_and_not_the_network() -> None:
    plain, balanced = trained(FIRST), trained(FIRST.model_copy(update={"gradient_equilibrium": True}))
    assert bits(plain.network).keys() == bits(balanced.network).keys()
    assert plain.history[0].train_loss != balanced.history[0].train_loss or not torch.equal(
        bits(plain.network)["blocks.0.0.scales.0.0.weight"], bits(balanced.network)["blocks.0.0.scales.0.0.weight"]
    )
