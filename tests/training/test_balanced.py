"""Class weights (thesis eq. 4.3), and ending a regime that makes no progress."""

from dataclasses import replace
from math import exp, log
from pathlib import Path

import pytest
import torch

from overthink.data.augment import AugmentSpec
from overthink.data.batches import Samples
from overthink.networks.resnet_spec import ResNetSpec
from overthink.seeds import Seeds
from overthink.training import checkpoint
from overthink.training.checkpoint import RunIdentity
from overthink.training.epoch_record import EpochRecord
from overthink.training.loop import TrainingState, fit, no_progress
from overthink.training.losses import JointLossSpec, OfaLossSpec
from overthink.training.regime import Phase

BALANCED = JointLossSpec(kind="joint", balanced=True)
LABELS_N = torch.tensor([0] * 6 + [1] * 2)
SEEDS = Seeds.same(0)


def test_weights_by_hand() -> None:
    """Six, two and none: 6/6, 6/2, and 1 for the class that never comes."""
    weights_C = BALANCED.class_weights(LABELS_N, 3)
    assert weights_C is not None
    assert weights_C.tolist() == [1.0, 3.0, 1.0]
    assert JointLossSpec(kind="joint").class_weights(LABELS_N, 3) is None
    assert OfaLossSpec(kind="ofa").class_weights(LABELS_N, 3) is None


def test_the_loss_by_hand() -> None:
    """Logits (1, 0) for a 0 and a 1 of weights 1 and 3: the mean weighs the second sample three times."""
    loss_of = BALANCED.build(1, torch.device("cpu"), torch.tensor([1.0, 3.0]))
    (value,) = loss_of([torch.tensor([[1.0, 0.0], [1.0, 0.0]])], torch.tensor([0, 1])).tolist()
    right, wrong = log(1 + exp(-1)), log(1 + exp(1))
    assert value == pytest.approx((right + 3 * wrong) / 4, rel=1e-6)


def record(epoch: int, val_loss: float, phase: int = 1) -> EpochRecord:
    return EpochRecord(epoch, phase, 0.1, 1.0, (0.5,), (val_loss,), (0.5,), 1.0, 1.0)


@pytest.mark.parametrize(
    "losses, ends",
    [([3.0, 2.0, 1.0], False), ([1.0, 2.0], False), ([1.0, 2.0, 3.0], True), ([2.0, 1.0, 1.0, 1.0], True), ([], False)],
)
def test_two_epochs_without_a_lower_loss_are_no_progress(losses: list[float], ends: bool) -> None:
    history = [record(number, loss) for number, loss in enumerate(losses, start=1)]
    assert no_progress(history, 1, 2) == ends
    assert not no_progress(history, 1, None)
    assert not no_progress([replace(entry, phase=2) for entry in history], 1, 2)


def samples(seed: int) -> Samples:
    chance = torch.Generator().manual_seed(seed)
    images_NKHW = torch.randint(0, 256, (24, 1, 8, 8), dtype=torch.uint8, generator=chance)
    return Samples(images_NKHW, torch.randint(0, 2, (24,), generator=chance), torch.tensor([0.5]), torch.tensor([0.3]))


def fresh() -> TrainingState:
    spec = ResNetSpec(kind="resnet", layers=(1,), width=2)
    return TrainingState(spec.build((1, 8, 8), 2, torch.Generator().manual_seed(0)))


def test_noise_ends_early_and_a_resumed_run_ends_at_the_same_epoch(tmp_path: Path) -> None:
    regime = (Phase(epochs=40, lr=0.05, batch_size=8, loss=BALANCED, stop_after=3),)
    identity = RunIdentity("key", "data", regime, SEEDS)
    whole, state = fresh(), fresh()
    for _ in fit(whole, regime, samples(1), samples(2), AugmentSpec(), SEEDS):
        pass
    assert 4 <= whole.epochs_done < 40
    for epoch in fit(state, regime, samples(1), samples(2), AugmentSpec(), SEEDS):
        checkpoint.save(tmp_path, state, identity)
        if epoch.epoch == whole.epochs_done - 1:
            break
    resumed = fresh()
    assert checkpoint.load(tmp_path, resumed, identity)
    assert len(list(fit(resumed, regime, samples(1), samples(2), AugmentSpec(), SEEDS))) == 1
    assert not list(fit(resumed, regime, samples(1), samples(2), AugmentSpec(), SEEDS))
    ends = (dict(state.network.state_dict()) for state in (whole, resumed))
    assert all(torch.equal(a, b) for a, b in zip(*(end.values() for end in ends), strict=True))
