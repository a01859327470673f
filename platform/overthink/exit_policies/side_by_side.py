"""Exit policies side by side: numbers over the runs of a group, with intervals over new seeds and new samples."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from overthink.exit_policies.policy import ExitPolicy
from overthink.exit_policies.references import Reference
from overthink.exit_policies.trial import Pair, Trial, area_costs, at_equal_cost, trial
from overthink.inference.budget_oracle import within
from overthink.predictions.absent import CostUnit, in_unit, needed
from overthink.predictions.arrays import FloatArray
from overthink.sentences import listed
from overthink.statistics.crossed import crossed_mean
from overthink.statistics.jackknife import Interval
from overthink.statistics.paired_tests import holm, paired_t
from overthink.untrusted import reason


class AtBudget(NamedTuple):
    """A policy at one budget; fractions of test samples, and of the last exit's cost."""

    budget: float
    """Of the last exit's cost, per sample."""
    accuracy: Interval
    cost: float
    """What it really costs on test data, with the cost of the policy itself."""
    avoided: Interval
    """The last exit is wrong and the answer right: overthinking that is avoided."""
    too_early: Interval
    """The last exit is right and the answer wrong."""
    overthought: Interval | None
    """An exit that the sample passed, or left at, is right and the answer wrong: overthinking that is caused."""


class Against(NamedTuple):
    """A difference of areas to a baseline policy, paired by seed and sample."""

    difference: Interval
    p: float | None
    """Of a t-test over seeds, adjusted by Holm for all policies of the table; None for one run."""

    @property
    def told_apart(self) -> bool:
        """Whether the interval excludes 0 and the adjusted p is at most 0.05."""
        return not self.difference.holds_zero and self.p is not None and self.p <= 0.05


class Row(NamedTuple):
    """One policy, or reference, over the runs of a group."""

    name: str
    title: str
    source: str
    uses_labels: bool
    at: tuple[AtBudget, ...]
    area: Interval | None
    """Mean accuracy over costs from exit 1's to the last exit's, each spent exactly on test data."""
    curve: tuple[tuple[float, float], ...]
    """Cost (of the last exit's) and accuracy, where it is spent exactly on test data."""
    saved: Interval | None
    """Share of the last exit's cost saved where validation accuracy is at least the last exit's; None of no policy."""
    saved_change: Interval | None
    """Test accuracy there minus the last exit's."""
    anytime: Interval | None
    """The answer at an exit is right and at a later one wrong: monotonicity violated; overthinking, for plain exits."""
    against: Against | None = None


class SideBySide(NamedTuple):
    """Rows in the order asked for, and why others are missing."""

    rows: tuple[Row, ...]
    problems: tuple[str, ...]
    last: Interval
    """Accuracy of the last exit."""
    n_runs: int
    n_samples: int
    n_validation: int
    baseline: str
    unit: CostUnit


def side_by_side(
    pairs: Sequence[Pair],
    policies: Sequence[ExitPolicy],
    references: Sequence[Reference],
    shares: Sequence[float],
    baseline: str,
) -> SideBySide:
    """Return the rows of all policies and references for budgets that are shares of the last exit's cost.

    A policy that cannot be fitted on some run is left out, with a sentence. All runs must be of the same test samples.
    Raises ValueError for a budget below the cost of exit 1.
    """
    test = pairs[0].test
    cost_E = needed(test.cost_E, "costs").astype(np.float64)
    check_budgets(shares, cost_E, test.cost_unit)
    budgets_B = np.concatenate([np.array(shares) * cost_E[-1], cost_E[:1], area_costs(cost_E), cost_E[-1:]])
    last_RN = np.stack([pair.test.correct_EN[-1].astype(np.float64) for pair in pairs])
    refused: dict[str, list[str]] = {}
    rows: list[Row] = []
    areas: dict[str, FloatArray] = {}
    everything: list[ExitPolicy | Reference] = [*policies, *references]
    for one in everything:
        try:
            trials = (
                one.trials(pairs, budgets_B)
                if isinstance(one, Reference)
                else [trial(one, pair, budgets_B) for pair in pairs]
            )
        except ValueError as error:
            refused.setdefault(reason(error), []).append(one.name)
            continue
        row, areas[one.name] = _row(one, trials, shares, last_RN, cost_E)
        rows.append(row)
    return SideBySide(
        tuple(_with_differences(rows, areas, baseline)),
        tuple(f"{listed(names, most=30)}: {why}" for why, names in refused.items()),
        _interval(last_RN),
        len(pairs),
        len(test.ids_N),
        len(pairs[0].validation.ids_N),
        baseline,
        test.cost_unit,
    )


def check_budgets(shares: Sequence[float], cost_E: FloatArray, unit: CostUnit) -> None:
    """Raise ValueError for a budget below the cost of exit 1."""
    low = min(shares)
    if not within(cost_E, low * cost_E[-1]).any():
        raise ValueError(
            f"a budget of {100 * low:.4g}% of the last exit's cost is below the cost of exit 1, "
            f"{100 * cost_E[0] / cost_E[-1]:.4g}% ({in_unit(float(cost_E[0]), unit)} per sample)"
        )


def _row(
    of: ExitPolicy | Reference,
    trials: Sequence[Trial],
    shares: Sequence[float],
    last_RN: FloatArray,
    cost_E: FloatArray,
) -> tuple[Row, FloatArray]:
    """Return a row and what each sample contributes to its area, (R, N)."""
    n, wanted_A = len(shares), area_costs(cost_E) / cost_E[-1]
    curves = [at_equal_cost(one.right_BN[n:], one.cost_BN[n:].mean(axis=1), wanted_A) for one in trials]
    area_RN = np.stack([right_AN.mean(axis=0) for right_AN in curves])
    accuracies = np.mean([right_AN.mean(axis=1) for right_AN in curves], axis=0)
    reached = [one.no_loss for one in trials if one.no_loss is not None]
    complete = len(reached) == len(trials)
    anytime = [one.anytime_N for one in trials if one.anytime_N is not None]
    row = Row(
        of.name,
        of.title,
        of.source,
        isinstance(of, Reference) and of.uses_labels,
        tuple(_at_budget(trials, place, share, last_RN) for place, share in enumerate(shares)),
        None if np.isnan(area_RN).any() else _interval(area_RN),
        tuple((float(c), float(a)) for c, a in zip(wanted_A, accuracies, strict=True) if not np.isnan(a)),
        _interval(np.stack([one.saved_N for one in reached])) if complete else None,
        _interval(np.stack([one.right_N.astype(float) for one in reached]) - last_RN, least=-1) if complete else None,
        _interval(np.stack(anytime).astype(float)) if len(anytime) == len(trials) else None,
    )
    return row, area_RN


def _at_budget(trials: Sequence[Trial], place: int, share: float, last_RN: FloatArray) -> AtBudget:
    right_RN = np.stack([one.right_BN[place] for one in trials])
    left_RN = np.stack([one.overthought_BN[place] for one in trials])
    return AtBudget(
        share,
        _interval(right_RN),
        float(np.mean([one.cost_BN[place].mean() for one in trials])),
        _interval(right_RN * (1 - last_RN)),
        _interval((1 - right_RN) * last_RN),
        None if np.isnan(left_RN).any() else _interval(left_RN),
    )


def _interval(values_RN: FloatArray, least: float = 0.0) -> Interval:
    """Return the mean over runs and samples with its interval over both; over samples, for one run."""
    if np.isnan(values_RN).any():
        return Interval(float("nan"), None, None)
    return crossed_mean(values_RN, "both" if len(values_RN) > 1 else "samples", least)


def _with_differences(rows: Sequence[Row], areas: dict[str, FloatArray], baseline: str) -> list[Row]:
    """Return rows with their difference to the baseline; without, where it is not among them."""
    if baseline not in areas:
        return list(rows)
    compared = [row for row in rows if row.name != baseline and row.area is not None and not row.uses_labels]
    of_seeds = [(areas[row.name] - areas[baseline]).mean(axis=1).tolist() for row in compared]
    tests = [paired_t(differences) for differences in of_seeds]
    known = [test.p for test in tests if test is not None]
    adjusted = iter(holm(known, len(known)))
    found = {
        row.name: Against(
            _interval(areas[row.name] - areas[baseline], least=-1), None if test is None else next(adjusted).p
        )
        for row, test in zip(compared, tests, strict=True)
    }
    return [row._replace(against=found.get(row.name)) for row in rows]
