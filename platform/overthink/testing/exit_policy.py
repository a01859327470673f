"""A check for exit policies of one's own, for their tests: `check_exit_policy(MY_POLICY)`."""

import numpy as np

from overthink.exit_policies.policy import ExitPolicy, Point
from overthink.predictions.predictions import Predictions
from overthink.testing.holding import check

COSTS = (1000, 2500, 4000)
CLASSES, SAMPLES, BATCH = 4, 240, 7


def check_exit_policy(policy: ExitPolicy) -> None:
    """Check that a policy fits everything that the platform does with one, on made-up predictions of three exits.

    Fitted twice on the same validation predictions, it decides the same. Whatever the budget, validation samples cost
    no more in the mean. A batch in a running network, from which samples leave one after the other, leaves at the
    exits and gets the answers that the table has for it.

    Args:
        policy: The policy.

    Raises:
        AssertionError: The first thing that is not as it should be, in one sentence.
        ValueError: The policy cannot be fitted.
    """
    validation, test = made_up("val", 0), made_up("test", 1)
    one, two = policy.fit(validation), policy.fit(validation)
    for budget in np.linspace(COSTS[0], COSTS[-1], 5):
        point, repeated = one.at(float(budget)), two.at(float(budget))
        taken = point.offline(test)
        same = np.array_equal(taken.exit_N, repeated.offline(test).exit_N)
        check(same, f"budget {budget:g}: fitted again, it decides otherwise")
        spent = float(point.offline(validation).cost_N.mean())
        check(spent <= budget * (1 + 1e-9), f"budget {budget:g}: validation samples cost {spent:g}")
        _check_online(point, test, taken.exit_N, taken.right_N)


def _check_online(point: Point, test: Predictions, exit_N: np.ndarray, right_N: np.ndarray) -> None:
    assert test.logits_ENC is not None
    assert test.labels_N is not None
    for first in range(0, SAMPLES, BATCH):
        online, rows_M = point.online(), np.arange(first, min(first + BATCH, SAMPLES))
        for row in range(len(COSTS)):
            decided = online.step(test.logits_ENC[row, rows_M])
            leaves_M = decided.leaves_M
            check(bool((exit_N[rows_M[leaves_M]] == row).all()), f"exit {row + 1}: others leave than in the table")
            right_M = decided.answer_M[leaves_M] == test.labels_N[rows_M[leaves_M]]
            check(
                bool((right_M == right_N[rows_M[leaves_M]]).all()), f"exit {row + 1}: other answers than in the table"
            )
            online.keep(np.flatnonzero(~leaves_M))
            rows_M = rows_M[~leaves_M]
        check(not len(rows_M), "samples are left after the last exit")


def made_up(split: str, seed: int) -> Predictions:
    """Return seeded predictions of three exits, each knowing more of the right class than the one before."""
    random = np.random.default_rng(seed)
    labels_N = random.permutation(np.arange(SAMPLES) % CLASSES)
    shared_NC = random.normal(size=(SAMPLES, CLASSES))
    signal_NC = random.gamma(2.0, 0.8, size=SAMPLES)[:, None] * np.eye(CLASSES)[labels_N]
    logits_ENC = np.stack(
        [shared_NC + random.normal(size=shared_NC.shape) + (0.6 + 0.5 * row) * signal_NC for row in range(len(COSTS))]
    )
    zeros_N = np.zeros(SAMPLES, dtype=np.int64)
    return Predictions.from_logits(
        logits_ENC, labels_N, np.arange(SAMPLES), zeros_N, (), list(COSTS), "made up", split, keep_logits=True
    )
