"""Promises of a risk: by brute force, and kept as often as promised in simulated draws."""

import numpy as np
import pytest

from overthink.exit_policies.guarantee import (
    METHODS,
    THRESHOLDS,
    Of,
    Promise,
    certify,
    chosen,
    exits_at,
    losses,
)
from overthink.exit_policies.kept_promises import kept_promises
from overthink.exit_policies.trial import Pair
from overthink.predictions.common_samples import at_rows
from overthink.predictions.predictions import Predictions
from support.random_exits import made_up

WORLD = made_up(12_000, "val", seed=3)


def test_losses_by_trying() -> None:
    few = made_up(30, "val")
    assert few.max_softmax_EN is not None
    assert few.predicted_EN is not None
    exit_GN = exits_at(few)
    accuracy_GN, agreement_GN = losses(few, "accuracy"), losses(few, "agreement")
    for g, limit in enumerate(THRESHOLDS):
        for n in range(30):
            sure = [row for row in range(2) if few.max_softmax_EN[row, n] > limit]
            exit_ = min([*sure, 2])
            assert exit_GN[g, n] == exit_
            wrong = [not few.correct_EN[row, n] for row in range(3)]
            assert accuracy_GN[g, n] == float(wrong[exit_]) - float(wrong[2])
            assert agreement_GN[g, n] == (few.predicted_EN[exit_, n] != few.predicted_EN[2, n])


def test_the_safest_threshold_has_no_loss() -> None:
    assert (np.diff(THRESHOLDS) < 0).all()
    for of in ("accuracy", "agreement"):
        assert not losses(WORLD, of)[0].any()


@pytest.mark.parametrize("of", ["accuracy", "agreement"])
@pytest.mark.parametrize("method", METHODS)
def test_the_promise_is_broken_as_seldom_as_promised(method: str, of: Of) -> None:
    """Samples are drawn from a world whose risks are known: 250 draws of 500, at 90% confidence.

    For conformal risk control, whose promise is of the mean over draws, that mean.
    """
    promise, draws = Promise(0.05, 0.9, of), 250
    loss_GN, random = losses(WORLD, of), np.random.default_rng(1)
    true_G = loss_GN.mean(axis=1)
    assert true_G.max() > promise.risk  # else no promise could be broken
    found = [chosen(loss_GN[:, random.integers(0, 12_000, 500)], promise, method) for _ in range(draws)]
    risks = true_G[found]
    assert max(found) > 0
    if method == "crc":
        assert risks.mean() <= promise.risk + 3 * risks.std() / np.sqrt(draws)
    else:
        broken = (risks > promise.risk).mean()
        assert broken <= promise.delta + 3 * np.sqrt(promise.delta * promise.confidence / draws)


@pytest.mark.parametrize("method", METHODS)
def test_the_order_of_a_file_certifies_nothing(method: str) -> None:
    """Images in folders are sorted by class: here, the classes that are easy come first."""
    rows_M = np.random.default_rng(0).permutation(12_000)[:1000]
    hard_M = rows_M[np.argsort(losses(WORLD, "accuracy").sum(axis=0)[rows_M], kind="stable")]
    promise = Promise(0.05, 0.9)
    drawn, by_class = (certify(at_rows(WORLD, order_M), promise, method) for order_M in (rows_M, hard_M))
    assert by_class.threshold == pytest.approx(drawn.threshold, abs=0.05)


def test_a_certificate_is_a_policy_that_leaves_early() -> None:
    found = certify(WORLD, Promise(0.02, 0.95))
    assert 0 < found.threshold < 1
    taken = found.point.offline(WORLD)
    assert taken.exit_N.min() == 0
    assert WORLD.correct_EN[-1].mean() - taken.right_N.mean() == pytest.approx(found.calibration_risk)
    assert found.calibration_risk < 0.02
    assert f"confidence above {found.threshold:g}" in found.sentence
    looser = certify(WORLD, Promise(0.05, 0.95))
    assert looser.threshold < found.threshold
    assert looser.point.mean_cost < found.point.mean_cost


def test_where_nothing_is_certified_nothing_leaves() -> None:
    """Exits that disagree with the last one at any confidence."""
    n = 400
    logits_ENC = np.zeros((2, n, 2))
    logits_ENC[0, :, 0], logits_ENC[1, :, 1] = 10, 10
    zeros_N = np.zeros(n, dtype=np.int64)
    bad = Predictions.from_logits(logits_ENC, zeros_N + 1, np.arange(n), zeros_N, (), [10, 20], "", "val", True)
    found = certify(bad, Promise(0.05, 0.95))
    assert found.threshold == 1
    assert found.point.mean_cost == 20
    assert "No threshold is certified by 400 validation samples" in found.sentence


def test_too_few_samples_are_said() -> None:
    few = made_up(200, "val")
    expected = (
        r"a risk of 1% at 95% confidence needs at least 299 validation samples .Learn-then-Test., and there are 200"
    )
    with pytest.raises(ValueError, match=expected):
        certify(few, Promise(0.01, 0.95))
    with pytest.raises(ValueError, match=r"--risk 1.5: expected a fraction"):
        certify(few, Promise(1.5, 0.95))
    with pytest.raises(ValueError, match="one of ltt, ucb, crc, got 'x'"):
        certify(few, Promise(0.5, 0.95), "x")


def test_promises_are_checked_on_other_splits() -> None:
    pairs = [Pair(made_up(300, "val", seed), made_up(600, "test", seed)) for seed in range(2)]
    found = {one.method: one for one in kept_promises(pairs, Promise(0.05, 0.9), splits=10)}
    assert {*found} == {*METHODS}
    for one in found.values():
        assert one.clearly_broken <= one.broken <= 0.6
        assert 0 <= one.saved.value < 1
        assert one.risk.low is not None
    assert found["ltt"].saved.value <= found["crc"].saved.value
    assert found["ltt"].broken <= 0.3
    certified = [certify(pair.validation, Promise(0.05, 0.9), "ltt") for pair in pairs]
    saved = [1 - one.point.offline(pair.test).cost_N.mean() / 4000 for one, pair in zip(certified, pairs, strict=True)]
    assert found["ltt"].saved.value == pytest.approx(np.mean(saved))
    only_crc = kept_promises(pairs, Promise(0.005, 0.9), splits=2)
    assert [one.method for one in only_crc] == ["crc"]
    with pytest.raises(ValueError, match=r"needs at least 999 validation samples .Conformal risk control."):
        kept_promises(pairs, Promise(0.001, 0.9))
