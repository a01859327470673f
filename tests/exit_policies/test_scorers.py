"""Scorers against hand-worked numbers and other implementations."""

import numpy as np
import pytest

from overthink.exit_policies.ensembles import (
    Caching,
    ConditionallyMonotone,
    GeometricMean,
    Mean,
    ProductOfExperts,
    ZeroTimeWaste,
)
from overthink.exit_policies.features import gate_features
from overthink.exit_policies.jei_dnn import Gates, gates_for, hazard
from overthink.exit_policies.later_exit import FOLDS, loses_nothing, parts
from overthink.exit_policies.logistic import PENALTY, fit_logistic, linear, sigmoid
from overthink.exit_policies.scoring import Scorer, Scores, scores
from overthink.exit_policies.seen import Seen, seen_by_exits
from overthink.exit_policies.zero_time_waste import fit_zero_time_waste, loss_and_gradient
from overthink.predictions.arrays import FloatArray
from overthink.predictions.softmax import log_softmax
from support.random_exits import made_up

P_EC = np.array([[0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.25, 0.25, 0.5]])
"""One sample, three exits."""


def of_one_sample(scorer: Scorer, p_EC: FloatArray = P_EC) -> Scores:
    return scores(scorer, [Seen(1, np.log(p_C)[None].astype(np.float32)) for p_C in p_EC])


def test_mean_by_hand() -> None:
    found = of_one_sample(Mean())
    assert found.answer_EN is not None
    assert found.answer_EN[:, 0].tolist() == [0, 1, 1]
    assert found.sure_EN[:, 0].tolist() == pytest.approx([0.6, 0.5, 1.25 / 3], abs=1e-6)


def test_product_by_hand() -> None:
    """.6*.2=.12, .3*.7=.21, .1*.1=.01; then times .25, .25, .5."""
    found = of_one_sample(ProductOfExperts())
    assert found.answer_EN is not None
    assert found.answer_EN[:, 0].tolist() == [0, 1, 1]
    assert found.sure_EN[:, 0].tolist() == pytest.approx([0.6, 0.21 / 0.34, 0.0525 / 0.0875], abs=1e-6)


def test_geometric_mean_by_hand() -> None:
    found = of_one_sample(GeometricMean(), P_EC[:2])
    roots = np.sqrt(np.array([0.12, 0.21, 0.01]))
    assert found.sure_EN[:, 0].tolist() == pytest.approx([0.6, roots[1] / roots.sum()], abs=1e-6)


def test_caching_keeps_the_most_confident_answer_and_the_later_of_equals() -> None:
    found = of_one_sample(Caching())
    assert found.answer_EN is not None
    assert found.answer_EN[:, 0].tolist() == [0, 1, 1]
    assert found.sure_EN[:, 0].tolist() == pytest.approx([0.6, 0.7, 0.7], abs=1e-6)
    equal = of_one_sample(Caching(), np.array([[0.75, 0.25], [0.25, 0.75]]))
    assert equal.answer_EN is not None
    assert equal.answer_EN[:, 0].tolist() == [0, 1]


def test_conditionally_monotone_by_hand() -> None:
    """Logits (2, 1, -1), (1, 3, 5), (-1, -1, 1): products (2, 1, 0), (2, 3, 0), then all at 0: softmax of exit 3."""
    logits = [[[2.0, 1.0, -1.0]], [[1.0, 3.0, 5.0]], [[-1.0, -1.0, 1.0]]]
    found = scores(ConditionallyMonotone(), [Seen(1, np.array(one, dtype=np.float32)) for one in logits])
    assert found.answer_EN is not None
    assert found.answer_EN[:, 0].tolist() == [0, 1, 2]
    e2 = np.exp(2)
    assert found.sure_EN[:, 0].tolist() == pytest.approx([2 / 3, 3 / 5, e2 / (e2 + 2)])


def test_zero_time_waste_by_hand() -> None:
    """v = (1, 2), b = (0.1, 0, 0): z = (log .6 + 2 log .2) / 2 + .1, ..."""
    scorer = ZeroTimeWaste((np.array([1.0]), np.array([1.0, 2.0])), np.array([[0.0] * 3, [0.1, 0, 0]]))
    z_C = (np.log(P_EC[0]) + 2 * np.log(P_EC[1])) / 2 + np.array([0.1, 0, 0])
    expected_C = np.exp(z_C) / np.exp(z_C).sum()
    found = of_one_sample(scorer, P_EC[:2])
    assert found.sure_EN[:, 0].tolist() == pytest.approx([0.6, expected_C.max()], abs=1e-6)


def test_zero_time_waste_gradient_is_that_of_its_loss() -> None:
    random = np.random.default_rng(0)
    log_JMC = tuple(log_softmax(random.normal(size=(20, 4))) for _ in range(3))
    labels_N, theta = random.integers(0, 4, 20), np.abs(random.normal(size=7))
    _, gradient = loss_and_gradient(theta, log_JMC, labels_N)
    for place in range(7):
        step = np.eye(7)[place] * 1e-6
        up, down = (loss_and_gradient(theta + sign * step, log_JMC, labels_N)[0] for sign in (1, -1))
        assert gradient[place] == pytest.approx((up - down) / 2e-6, abs=1e-6)


def test_zero_time_waste_is_no_worse_than_any_exit_on_its_data() -> None:
    validation = made_up(600, "val")
    assert validation.labels_N is not None
    scorer, rows_N = fit_zero_time_waste(validation), np.arange(600)
    log_EMC = tuple(seen.log_softmax_MC for seen in seen_by_exits(validation))
    for row in range(3):
        theta = np.concatenate([scorer.weights[row], scorer.bias_EC[row]])
        loss, _ = loss_and_gradient(theta, log_EMC[: row + 1], validation.labels_N)
        assert loss < -log_EMC[row][rows_N, validation.labels_N].mean()
        assert (scorer.weights[row] >= 0).all()


def test_logistic_regression_is_scikit_learns() -> None:
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

    random = np.random.default_rng(0)
    x_NF = random.normal(size=(500, 3))
    y_N = random.random(500) < sigmoid(x_NF @ [1.0, -2.0, 0.5] + 0.3)
    weight_N = random.random(500)
    theirs = LogisticRegression(C=1 / (PENALTY * weight_N.sum()), tol=1e-9, max_iter=1000).fit(x_NF, y_N, weight_N)
    found_F = fit_logistic(x_NF, y_N, weight_N)
    assert found_F.tolist() == pytest.approx([*theirs.coef_[0], *theirs.intercept_], abs=1e-4)
    assert linear(x_NF, found_F).tolist() == pytest.approx((x_NF @ found_F[:-1] + found_F[-1]).tolist())


def test_separable_classes_have_finite_coefficients() -> None:
    x_NF = np.linspace(-1, 1, 20)[:, None]
    assert np.isfinite(fit_logistic(x_NF, x_NF[:, 0] > 0)).all()


def test_hazard_by_hand() -> None:
    """g = .4, .3, .9: P = .4, .3, min(.9, 1 - .7) = .3; a = .4, .3 / .6 = .5, .3 / (.6 * .5) = 1."""
    opened, left, found = np.zeros(1), np.ones(1), []
    for gate in (0.4, 0.3, 0.9):
        a = hazard(np.array([gate]), opened, left)
        found.append(float(a[0]))
        opened, left = opened + gate, left * (1 - a)
    assert found == pytest.approx([0.4, 0.5, 1.0])


def test_gates_open_where_the_best_exit_is_behind() -> None:
    """Feature 0 tells whether exit 1 is the best one."""
    random = np.random.default_rng(0)
    best_N = (random.random(800) < 0.5).astype(np.int64)
    feature_ENF = random.normal(size=(1, 800, 4))
    feature_ENF[0, :, 0] = np.where(best_N == 0, 3.0, -3.0)
    gates = gates_for(feature_ENF, best_N)
    open_N = sigmoid(linear(feature_ENF[0], gates.coefficient_EF[0])) >= 0.5
    assert (open_N == (best_N == 0)).all()
    assert isinstance(gates, Gates)


def test_gate_features_by_hand() -> None:
    """p = (.6, .3, .1): p^2 / sum p^2 = (36, 9, 1) / 46."""
    p, sharp = P_EC[0], np.array([36, 9, 1]) / 46
    (found,) = gate_features(Seen(1, np.log(p)[None].astype(np.float32)))
    expected = [0.6, -(p * np.log(p)).sum(), 0.3, -(sharp * np.log(sharp)).sum()]
    assert found.tolist() == pytest.approx(expected, abs=1e-6)


def test_loses_nothing_by_trying() -> None:
    correct_EN = np.random.default_rng(0).random((4, 200)) < 0.5
    found_EN = loses_nothing(correct_EN)
    for n in range(200):
        for row in range(4):
            assert found_EN[row, n] == (correct_EN[row, n] or not correct_EN[row + 1 :, n].any())


def test_every_sample_is_held_out_once() -> None:
    assert np.bincount(parts(100)).tolist() == [34, 33, 33]
    assert FOLDS == 3
