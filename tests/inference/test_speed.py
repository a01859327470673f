import time

import numpy as np
import pytest
import torch

from overthink.inference import speed
from overthink.inference.speed import FULL, FULL_FOLDED, distributions, speeds
from overthink.predictions.arrays import BoolArray, FloatArray, IntArray, LogitArray
from support.trained_networks import images, settled


def test_distributions_by_hand() -> None:
    found = distributions(5)
    assert found["uniform"].tolist() == pytest.approx([0.2] * 5)
    assert found["80% first"].tolist() == pytest.approx([0.8, 0.05, 0.05, 0.05, 0.05])
    assert {name: q_E.tolist() for name, q_E in distributions(1).items()} == {"uniform": [1.0]}


def test_speedups_are_medians_of_ratios_within_a_round(monkeypatch: pytest.MonkeyPatch) -> None:
    """Times of full, folded, uniform and 80% first, a row a round; the first rows, a hundred times as long, warm up."""
    seconds = iter([*[100.0] * 8, *[8.0, 4.0, 2.0, 1.0], *[2.0, 4.0, 2.0, 1.0], *[6.0, 4.0, 2.0, 1.0]])
    monkeypatch.setattr(speed, "_seconds", lambda go, batches: next(seconds))
    timings = {timing.way: timing for timing in speeds(settled(), images(10), batch=5, rounds=3)}
    assert {way: timing.speedup for way, timing in timings.items()} == {
        FULL: 1.0,
        FULL_FOLDED: 1.5,  # of 2, 0.5 and 1.5
        "uniform": 3.0,
        "80% first": 6.0,
    }
    assert timings[FULL].seconds_per_batch == 3.0  # a round of 6 s in two batches
    assert timings["uniform"].images_per_second == 5.0


@pytest.mark.parametrize("limit, rounds", [(0.0, 1), (39.0, 1), (40.0, 2), (55.0, 3), (1e9, 5)])
def test_no_round_begins_that_would_end_too_late(limit: float, rounds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock by which every measurement takes 2.5 s: 10 s a round of four methods, and 20 s to warm up."""
    clock = [0.0]

    def took(go: object, batches: object) -> float:
        clock[0] += 2.5
        return 2.5

    monkeypatch.setattr(speed, "_seconds", took)
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    timings = speeds(settled(), images(4), 4, 5, limit_seconds=limit)
    assert [timing.rounds for timing in timings] == [rounds] * 4


def test_a_round_that_takes_too_long_has_fewer_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of one image, 0.5 s for each of four methods: 2 s for all, so that three fit into half of 12 s."""
    monkeypatch.setattr(speed, "_seconds", lambda go, batches: 0.5 * len(batches))
    for limit, count in ((12.0, 3), (0.0, 1), (1000.0, 8)):
        timings = speeds(settled(), images(8), 1, rounds=1, limit_seconds=limit)
        assert [(timing.images, timing.seconds_per_batch) for timing in timings] == [(count, 0.5)] * 4
        assert [timing.images_per_second for timing in timings] == [2.0] * 4


@pytest.mark.parametrize("batch", [1, 8, 30])
def test_samples_leave_as_asked_for(batch: int) -> None:
    network = settled("linear")
    timings = {timing.way: timing for timing in speeds(network, images(30), batch, rounds=1)}
    assert timings[FULL].share_E == (0.0, 0.0, 1.0)
    # A threshold is the confidence of a sample, which another batch size may round to the other side.
    np.testing.assert_allclose(timings["uniform"].share_E, [1 / 3] * 3, atol=2.1 / 30)
    np.testing.assert_allclose(timings["80% first"].share_E, [0.8, 0.1, 0.1], atol=2.1 / 30)
    assert all(timing.images == 30 and timing.batch == batch and timing.speedup > 0 for timing in timings.values())
    assert torch.is_grad_enabled()


class FirstExit:
    """Every sample leaves at exit 1."""

    def online(self) -> "FirstExit":
        return self

    def step(self, logits_MC: LogitArray) -> tuple[BoolArray, IntArray, FloatArray]:
        n = len(logits_MC)
        return np.ones(n, dtype=np.bool_), logits_MC.argmax(axis=1), np.ones(n)

    def keep(self, rows_M: IntArray) -> None:
        raise AssertionError("nothing is left")


def test_exit_policies_are_measured_beside_them() -> None:
    timings = {one.way: one for one in speeds(settled(), images(8), 4, rounds=1, rules={"first": FirstExit()})}
    assert [*timings] == [FULL, FULL_FOLDED, "uniform", "80% first", "first"]
    assert timings["first"].share_E == (1.0, 0.0, 0.0)
    assert timings["first"].seconds_per_batch > 0
