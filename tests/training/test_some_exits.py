"""Kaya et al.'s two trainings: internal classifiers alone on a trained network, and all exits with rising weights."""

import copy
from pathlib import Path

import pytest
import torch

from overthink.data.augment import AugmentSpec
from overthink.networks.cost import mul_adds
from overthink.networks.msdnet_spec import MSDNetSpec
from overthink.networks.network_spec import AbstractNetworkSpec
from overthink.networks.sdn.spec import SdnSpec
from overthink.seeds import expand
from overthink.training.checkpoint import RunIdentity, load, save
from overthink.training.loop import TrainingState, fit
from overthink.training.losses import JointLossSpec, OfaLossSpec, RisingLossSpec
from overthink.training.regime import Phase
from support.samples import samples

SEEDS = expand(1)[0]
VGG = SdnSpec(kind="sdn", backbone="vgg", layers=(1, 1, 1), width=4)
WRN = SdnSpec(kind="sdn", backbone="wrn", layers=(1, 1), width=16, exits_after=(1,))
MSDNET = MSDNetSpec(kind="msdnet", blocks=3, channels=4, growth=2, head_channels=6)
SHAPE = (1, 16, 16)
TRUNK = Phase(epochs=1, batch_size=8, lr=0.05, exits="last")
CLASSIFIERS = Phase(epochs=2, batch_size=8, lr=1e-3, exits="earlier", freeze="backbone", optimiser="adam", drops=(1,))
RISING = Phase(epochs=3, batch_size=8, lr=0.05, loss=RisingLossSpec(kind="rising"))


def fresh(spec: AbstractNetworkSpec) -> TrainingState:
    return TrainingState(spec.build(SHAPE, 3, torch.Generator().manual_seed(0)))


def go_on(state: TrainingState, regime: tuple[Phase, ...], epochs: int) -> TrainingState:
    records = fit(state, regime, samples(), samples(), AugmentSpec(), SEEDS)
    for _ in range(epochs):
        next(records)
    return state


def moved(before: torch.nn.Module, after: torch.nn.Module) -> set[str]:
    old, new = before.state_dict(), after.state_dict()
    return {name for name in old if not torch.equal(old[name], new[name])}


def of_last_exit(name: str, n_exits: int) -> bool:
    return name.startswith(f"exits.{n_exits - 1}.")


@pytest.mark.parametrize("spec", [VGG, WRN, MSDNET], ids=lambda spec: spec.label)
def test_first_the_trunk_learns_and_then_its_classifiers(spec: AbstractNetworkSpec) -> None:
    """Statistics of BatchNorm included; and dropout of what is frozen is off."""
    state = fresh(spec)
    drawn = copy.deepcopy(state.network)
    names, n_exits = set(drawn.state_dict()), drawn.n_exits
    trunk = {name for name in names if name.startswith("blocks.") or of_last_exit(name, n_exits)}
    trained = copy.deepcopy(go_on(state, (TRUNK, CLASSIFIERS), 1).network)
    assert moved(drawn, trained) == trunk
    go_on(state, (TRUNK, CLASSIFIERS), 2)
    found = moved(trained, state.network)
    assert found == {name for name in names - trunk if "features." not in name or spec is MSDNET or "share" in name}
    assert len({record.val_loss[-1] for record in state.history}) == 1
    assert state.history[1].train_loss < 2 * n_exits  # nats: a sum over the exits that learn


def test_the_loss_of_exits_that_do_not_learn_does_not_count() -> None:
    weighted = JointLossSpec(kind="joint", weights=(100.0, 1.0))
    one = go_on(fresh(WRN), (TRUNK,), 1)
    other = go_on(fresh(WRN), (TRUNK.model_copy(update={"loss": weighted}),), 1)
    assert not moved(one.network, other.network)
    assert one.history[0].train_loss == other.history[0].train_loss


def test_classifiers_can_learn_from_the_last_exit() -> None:
    taught = CLASSIFIERS.model_copy(update={"loss": OfaLossSpec(kind="ofa", alpha=0.5)})
    plain, distilled = (go_on(fresh(VGG), (TRUNK, phase), 3) for phase in (CLASSIFIERS, taught))
    assert moved(plain.network, distilled.network)
    assert not {name for name in moved(plain.network, distilled.network) if of_last_exit(name, 4)}


def test_weights_rise_to_the_costs_of_exits() -> None:
    cost_E = mul_adds(fresh(WRN).network, SHAPE)
    limit = cost_E[0] / cost_E[1]
    loss = RisingLossSpec(kind="rising")
    found = [loss.at(epoch, 3, lambda: [limit, 1.0]).weights for epoch in range(3)]
    assert found == [(pytest.approx(0.01 + limit / 3), 1), (pytest.approx(0.01 + 2 * limit / 3), 1), (limit, 1)]
    by_costs, written_out = go_on(fresh(WRN), (RISING,), 3), RisingLossSpec(kind="rising", until=(limit,))
    other = go_on(fresh(WRN), (RISING.model_copy(update={"loss": written_out}),), 3)
    assert not moved(by_costs.network, other.network)


@pytest.mark.parametrize("regime", [(TRUNK, CLASSIFIERS), (RISING,)], ids=["classifiers", "rising"])
@pytest.mark.parametrize("spec", [VGG, WRN], ids=lambda spec: spec.label)
@pytest.mark.parametrize("epochs", [1, 2])
def test_an_interrupted_run_goes_on_with_the_same_bits(
    spec: AbstractNetworkSpec, regime: tuple[Phase, ...], epochs: int, tmp_path: Path
) -> None:
    """With Adam's moments and step count, weights of the epoch, and dropout."""
    whole, identity = go_on(fresh(spec), regime, 3), RunIdentity("run", "data", regime, SEEDS)
    save(tmp_path, go_on(fresh(spec), regime, epochs), identity)
    torch.manual_seed(epochs)  # the global generator is another one
    resumed = fresh(spec)
    assert load(tmp_path, resumed, identity)
    go_on(resumed, regime, 3 - epochs)
    assert not moved(whole.network, resumed.network)
    for one, other in ((whole.momentum, resumed.momentum), (whole.squares, resumed.squares)):
        assert one.keys() == other.keys()
        assert all(torch.equal(one[name], other[name]) for name in one)
    assert bool(whole.squares) == (regime != (RISING,))


def test_dropout_follows_from_the_seeds_and_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    one = go_on(fresh(VGG), (TRUNK,), 1)
    assert torch.equal(torch.get_rng_state(), before)
    other = fresh(VGG)
    seeds = SEEDS.model_copy(update={"augment": 1})
    list(fit(other, (TRUNK,), samples(), samples(), AugmentSpec(), seeds))  # no augmentation: dropout alone draws
    assert moved(one.network, other.network)
