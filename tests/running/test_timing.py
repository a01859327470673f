"""A few timed steps give the time of an epoch; what they leave behind has the size of the real thing."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from overthink.data.batches import Samples
from overthink.running import timing
from overthink.running.pace import Pace, PhaseOfRun
from overthink.running.run import train
from overthink.training.epoch_record import EpochRecord
from overthink.training.regime import OWN_CHECKPOINT
from support.small import small

TRAIN_SECONDS, VALIDATION_SECONDS = 0.02, 0.001
"""Of an image, by the clock of a test."""


def paced(folder: Path, phase: int | None = 0, finish: int = 7, **changes: Any) -> Pace:
    (group,) = small(folder, **changes).groups
    at = timing.ready(PhaseOfRun(group.runs[0], phase), "cpu")
    return timing.pace(at, lambda of: finish)


def test_an_epoch_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """320 images in 5 batches at 0.02 s, validation of 80 at 0.001 s; the first round, a warm-up, is left out."""
    asked: list[tuple[int, int, int]] = []

    def fit(state: Any, regime: Sequence[Any], train: Samples, val: Samples, *_: Any) -> Iterator[EpochRecord]:
        asked.append((len(train.labels_N), len(val.labels_N), regime[0].epochs))
        for epoch in range(1, regime[0].epochs + 1):
            seconds = TRAIN_SECONDS * len(train.labels_N) * (100 if epoch == 1 and len(asked) > 1 else 1)
            both = seconds + VALIDATION_SECONDS * len(val.labels_N)
            yield EpochRecord(epoch, 1, 0.1, 1.0, (0.1,), (1.0,), (0.1,), both, len(train.labels_N) / seconds)

    monkeypatch.setattr(timing, "fit", fit)
    monkeypatch.setattr(timing, "_saved", lambda *_: (0.5, 1234))
    found = paced(tmp_path)
    assert asked == [(128, 80, 1), (128, 80, 4)], "two steps of 1.3 s each are enough"
    assert found.samples == {"train": 320, "val": 80, "test": 80}
    assert found.epoch == pytest.approx(320 * TRAIN_SECONDS + 80 * VALIDATION_SECONDS + 0.5)
    assert found.sample == pytest.approx(VALIDATION_SECONDS)
    assert found.finish >= 160 * VALIDATION_SECONDS
    assert (found.checkpoint, found.page) == (1234, 7)


def test_sizes_are_those_of_a_trained_run(tmp_path: Path) -> None:
    (group,) = small(tmp_path, regime=[{"epochs": 2}]).groups
    run, folder = group.runs[0], tmp_path / "run"
    folder.mkdir()
    list(train(run, folder, "cpu"))
    found = paced(tmp_path, regime=[{"epochs": 2}])
    assert found.checkpoint == pytest.approx((folder / OWN_CHECKPOINT).stat().st_size, rel=0.1)
    stored = sum(path.stat().st_size for path in folder.glob("*.parquet"))
    assert found.predictions == pytest.approx(stored, rel=0.3)


@pytest.mark.parametrize("phase", [0, 1, 2])
def test_phases_are_timed_in_the_form_that_they_train(
    tmp_path: Path, phase: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A learning rate at which any network diverges; ISC and OFA from the second phase on; a frozen backbone."""
    regime = [
        {"epochs": 1, "lr": 1e9},
        {"epochs": 1, "lr": 1e9, "attach": {"kind": "isc"}, "loss": {"kind": "ofa", "teacher": "previous"}},
        {"epochs": 1, "freeze": "backbone", "loss": {"kind": "joint", "balanced": True}},
    ]
    trained: list[set[str]] = []
    original = timing._saved

    def saved(at: timing.Ready, state: Any, folder: Path) -> tuple[float, int]:
        before, now = dict(at.network.named_parameters()), dict(state.network.named_parameters())
        trained.append({name for name, one in now.items() if name not in before or not torch.equal(one, before[name])})
        return original(at, state, folder)

    monkeypatch.setattr(timing, "_saved", saved)
    monkeypatch.setattr(timing, "SECONDS", 0.01)
    found = paced(tmp_path, phase, regime=regime)
    assert found.epoch > found.samples["val"] * found.sample > 0
    (moved,) = trained
    assert moved
    assert any("blocks." in name for name in moved) == (phase != 2)


def test_a_policy_network_is_timed_without_its_main_network(tmp_path: Path) -> None:
    small(tmp_path, regime=[{"epochs": 1}])
    policy = {
        "schema_version": 1,
        "name": "policy",
        "description": "Chooses exits.",
        "policy": {"of": "small.yaml"},
        "network": {"kind": "msdnet", "blocks": 1, "channels": 4, "growth": 2, "head_channels": 8},
        "regime": [{"epochs": 1}],
        "seeds": 1,
    }
    import yaml

    from overthink.definition.loading import load_experiment

    (tmp_path / "policy.yaml").write_text(yaml.safe_dump(policy))
    (group,) = load_experiment(tmp_path / "policy.yaml").groups
    at = timing.ready(PhaseOfRun(group.runs[0], 0), "cpu")
    found = timing.pace(at, lambda of: 0)
    assert sum(found.samples.values()) <= 320 + 80
    assert found.epoch > 0
