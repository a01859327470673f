"""The thesis's policy network as a row of the table: it chooses each sample's exit before the main network runs.

A trained policy network has one operating point, whatever the budget. Where its cost, its own included, is not within a
budget on validation data, or exit 1 or the last exit for all samples is more accurate there, that is taken instead.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from overthink.exit_policies.references import Reference
from overthink.exit_policies.trial import NoLoss, Pair, Trial
from overthink.inference.budget_oracle import within
from overthink.policy.early_exit_data import rows_of
from overthink.predictions.absent import needed
from overthink.predictions.arrays import BoolArray, FloatArray
from overthink.predictions.common_samples import at_rows
from overthink.predictions.predictions import Predictions

OF = "data of the policy network"


class Answers(NamedTuple):
    """What a policy network chose for samples of one main network."""

    validation: Predictions
    """Of the main network's validation samples, those that the policy network was validated on."""
    test: Predictions
    """Of all test samples."""
    exits: tuple[int, ...]
    """The exit, from 1, that each class stands for."""


class _Points(NamedTuple):
    """Exit 1 for all samples, the policy network's exits, the last exit for all."""

    right_PN: BoolArray
    cost_PN: FloatArray
    overthought_PN: BoolArray


def policy_network(name: str, answers: Sequence[Answers]) -> Reference:
    """Return the row of one policy network for each run of a group, in the order of the runs."""
    return Reference(name, "Policy network", False, partial(_trials, answers), "thesis section 4.2")


def _trials(answers: Sequence[Answers], pairs: Sequence[Pair], budgets_B: FloatArray) -> list[Trial]:
    """Return what the policy networks do; raises ValueError where none of the validation samples was held out."""
    return [_trial(of_one, pair, budgets_B) for of_one, pair in zip(answers, pairs, strict=True)]


def _trial(answers: Answers, pair: Pair, budgets_B: FloatArray) -> Trial:
    if not np.isin(answers.validation.ids_N, pair.validation.ids_N).all():
        raise ValueError(
            "it learned from training samples, on which its main network has no stored predictions, so that nothing "
            "can be chosen on validation data"
        )
    in_order = at_rows(answers.test, rows_of(answers.test.ids_N, pair.test.ids_N, OF))
    fitted, tried = (
        _points(chosen, of_main, answers.exits)
        for chosen, of_main in ((answers.validation, pair.validation), (in_order, pair.test))
    )
    cost_P, accuracy_P = fitted.cost_PN.mean(axis=1), fitted.right_PN.mean(axis=1)
    point_B = [_best(accuracy_P, cost_P, float(budget)) for budget in budgets_B]
    whole = float(needed(pair.test.cost_E, "costs")[-1])
    good_M = np.flatnonzero(accuracy_P >= accuracy_P[-1])
    frugal = int(good_M[cost_P[good_M].argmin()])
    return Trial(
        tried.right_PN[point_B].astype(np.float64),
        tried.cost_PN[point_B] / whole,
        tried.overthought_PN[point_B].astype(np.float64),
        NoLoss(tried.right_PN[frugal], 1 - tried.cost_PN[frugal] / whole),
    )


def _best(accuracy_P: FloatArray, cost_P: FloatArray, budget: float) -> int:
    """Return the most accurate point within a budget, the cheapest of equal ones; exit 1 where none is."""
    fits_M = np.flatnonzero(within(cost_P, budget))
    return int(fits_M[np.lexsort((cost_P[fits_M], -accuracy_P[fits_M]))[0]]) if len(fits_M) else 0


def _points(chosen: Predictions, of_main: Predictions, exits: Sequence[int]) -> _Points:
    main = at_rows(of_main, rows_of(of_main.ids_N, chosen.ids_N, OF))
    cost_E, last = needed(main.cost_E, "costs").astype(np.float64), main.n_exits - 1
    columns_N = np.arange(len(main.ids_N))
    chosen_N = np.array(exits)[needed(chosen.predicted_EN, "classes")[-1]] - 1
    exit_PN = np.stack([np.zeros_like(columns_N), chosen_N, np.full_like(columns_N, last)])
    own_P = np.array([0.0, float(needed(chosen.mul_adds_E, "MUL-ADDs")[-1]), 0.0])
    right_PN = main.correct_EN[exit_PN, columns_N]
    before_EN = np.logical_or.accumulate(main.correct_EN, axis=0)
    return _Points(right_PN, cost_E[exit_PN] + own_P[:, None], before_EN[exit_PN, columns_N] & ~right_PN)
