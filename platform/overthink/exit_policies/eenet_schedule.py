"""EENet's schedule: how many samples should leave at each exit, fitted to the scores of validation samples.

Ilhan et al. 2024: a sample has a share s_k at exit k, the softmax over exits of r_k in [0, 1], a function of what is
known at exit k. With q_k its score there, b_k the cross-entropy between q_k and whether exit k is right, and c_k the
cost of exit k as a fraction of the last one's, the shares minimise

    1/E sum_k (sum_n s_nk b_nk) / (sum_n s_nk)  +  BETA 1/N sum_n KL(q_n / sum_k q_nk || s_n)
        +  price 1/N sum_nk s_nk c_k

and the exits' mean shares become thresholds by Algorithm 1, which takes the surest of the remaining samples.

Since r_k is bounded, every share lies between 1 / (1 + (E - 1) e) and e / (e + E - 1). Free shares would make the first
term least where an exit takes the few samples that it is surest of, and the last exit all others, at every price.

Departures: the paper has one budget and the penalty |cost - budget| / budget; here every price gives one schedule, and
budgets choose among these. Its r_k are perceptrons; here they are the sigmoid of a linear function of the scores so
far. Scores and shares are fitted one after the other, not in turns.
"""

import numpy as np

from overthink.exit_policies.logistic import sigmoid
from overthink.exit_policies.policy import Material
from overthink.exit_policies.rules import Thresholds
from overthink.inference.thresholds import thresholds
from overthink.predictions.arrays import BoolArray, FloatArray
from overthink.predictions.softmax import log_softmax

BETA = 1e-3
"""Weight of the divergence, the paper's."""
PRICES = np.concatenate([[0.0], np.geomspace(1e-3, 3.0, 15)])
SMALLEST = 1e-6
"""Of a score's distance from 0 and 1, so that its cross-entropy is finite."""


def schedules(material: Material) -> list[Thresholds]:
    """Return the thresholds of the schedule of each price."""
    from scipy.optimize import fmin_l_bfgs_b

    score_EN = material.scores.sure_EN
    problem = Schedule(score_EN, material.right_EN, material.cost_E)
    found = []
    for price in PRICES:
        theta, *_ = fmin_l_bfgs_b(problem.loss_and_gradient, np.zeros(problem.size), args=(price,), pgtol=1e-7)
        found.append(Thresholds(thresholds(score_EN, problem.shares_E(theta))))
    return found


class Schedule:
    """The shares of N validation samples at E exits, as a function of coefficients.

    The last exit's score is how often it is right, since a sample that reaches it leaves there.
    """

    def __init__(self, score_EN: FloatArray, right_EN: BoolArray, cost_E: FloatArray) -> None:
        n_exits, n = score_EN.shape
        q_EN = np.vstack([score_EN[:-1], np.full(n, right_EN[-1].mean())])
        q_EN = np.clip(q_EN, SMALLEST, 1 - SMALLEST)
        self.loss_NE = -np.where(right_EN, np.log(q_EN), np.log(1 - q_EN)).T
        self.target_NE = (q_EN / q_EN.sum(axis=0)).T
        self.cost_E = cost_E / cost_E[-1]
        scores = [np.ones(n), *q_EN[:-1]]
        self.features = [np.column_stack(scores[: row + 2]) for row in range(n_exits)]
        """At each exit, 1 and the scores so far, (N, F)."""
        self._ends = np.cumsum([feature_NF.shape[1] for feature_NF in self.features])

    @property
    def size(self) -> int:
        """Number of coefficients."""
        return int(self._ends[-1])

    def ratings_NE(self, theta: FloatArray) -> FloatArray:  # noqa: N802
        """Return r_k of each sample."""
        parts = zip(self.features, np.split(theta, self._ends[:-1]), strict=True)
        return np.column_stack([sigmoid(feature_NF @ theta_F) for feature_NF, theta_F in parts])

    def shares_E(self, theta: FloatArray) -> FloatArray:  # noqa: N802
        """Return the exits' mean shares; they sum to 1."""
        return np.asarray(np.exp(log_softmax(self.ratings_NE(theta))).mean(axis=0))

    def loss_and_gradient(self, theta: FloatArray, price: float) -> tuple[float, FloatArray]:
        """Return the loss of coefficients at a price, and its gradient."""
        rating_NE = self.ratings_NE(theta)
        log_NE = log_softmax(rating_NE)
        share_NE, (n, n_exits) = np.exp(log_NE), log_NE.shape
        total_E = share_NE.sum(axis=0)
        mean_E = (share_NE * self.loss_NE).sum(axis=0) / total_E
        divergence = (self.target_NE * (np.log(self.target_NE) - log_NE)).sum() / n
        loss = mean_E.mean() + BETA * divergence + price * (share_NE @ self.cost_E).mean()

        by_share_NE = (self.loss_NE - mean_E) / total_E / n_exits + price * self.cost_E / n
        inner_N1 = (share_NE * by_share_NE).sum(axis=1, keepdims=True)
        by_rating_NE = share_NE * (by_share_NE - inner_N1) + BETA * (share_NE - self.target_NE) / n
        by_linear_NE = by_rating_NE * rating_NE * (1 - rating_NE)
        parts = zip(self.features, by_linear_NE.T, strict=True)
        return float(loss), np.concatenate([feature_NF.T @ column_N for feature_NF, column_N in parts])
