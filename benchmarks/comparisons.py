"""Errors, power and coverage of `compare --against`, in simulated tables whose truth is known.

A table compares 1, 3 or 8 rows with a baseline by four metrics over n seeds. Metrics of one run correlate by 0.6, as in
stored runs those of accuracy and overthinking do about; rows share their baseline, so that their differences correlate
by a half. Spreads are normal; effects and margins are in standard deviations of the differences. T: tables, n: seeds,
M: comparisons of a table.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import stdtr, stdtrit

from overthink.comparison.difference import differences_of
from overthink.predictions.arrays import BoolArray, FloatArray
from overthink.report.differences import verdict
from overthink.statistics.paired_tests import LEVEL

SEEDS, ROWS, METRICS, CORRELATION = (3, 5, 8, 16), (1, 3, 8), 4, 0.6
EFFECT, CLEAR, MARGIN, TABLES, CHECKED = 1.5, 5.0, 2.0, 10_000, 5
UNIT = 0.01
"""One standard deviation as a fraction, where tables are checked against the platform's own verdicts."""


class Tested(NamedTuple):
    """Paired t-tests of tables: means, half widths of intervals, and p-values, none of them corrected but `half_TM`."""

    mean_TM: FloatArray
    alone_TM: FloatArray
    half_TM: FloatArray
    p_TM: FloatArray
    degrees: int

    def shown(self) -> BoolArray:
        """Return where the simultaneous interval excludes 0 (Bonferroni)."""
        return np.abs(self.mean_TM) > self.half_TM

    def probably(self) -> BoolArray:
        """Return where the uncorrected interval excludes 0: the former rule's `probably` or more."""
        return np.abs(self.mean_TM) > self.alone_TM

    def holm(self) -> BoolArray:
        """Return where Holm's procedure finds a difference: what is said to be higher or lower."""
        count = self.p_TM.shape[1]
        order_TM = self.p_TM.argsort(axis=1)
        steps_TM = np.take_along_axis(self.p_TM, order_TM, axis=1) * (count - np.arange(count))
        found_TM = np.zeros(self.p_TM.shape, dtype=bool)
        np.put_along_axis(found_TM, order_TM, np.maximum.accumulate(steps_TM, axis=1) <= LEVEL, axis=1)
        return found_TM

    def step_half_TM(self) -> FloatArray:  # noqa: N802 - named like the arrays beside it
        """Return half widths at Holm's levels; that of the first one not found is all others'."""
        count = self.p_TM.shape[1]
        rank_TM = self.p_TM.argsort(axis=1).argsort(axis=1)
        among_TM = count - np.minimum(rank_TM, self.holm().sum(axis=1, keepdims=True))
        error_TM = self.alone_TM / stdtrit(self.degrees, 1 - LEVEL / 2)
        return np.asarray(stdtrit(self.degrees, 1 - LEVEL / (2 * np.maximum(among_TM, 1))) * error_TM)

    def equal(self) -> BoolArray:
        """Return what is said to be equal within the margin."""
        return np.abs(self.mean_TM) + self.half_TM <= MARGIN


def tested(difference_TnM: FloatArray) -> Tested:
    """Return the tests of simulated differences."""
    _, n, count = difference_TnM.shape
    mean_TM = difference_TnM.mean(axis=1)
    error_TM = difference_TnM.std(axis=1, ddof=1) / n**0.5
    alone, corrected = stdtrit(n - 1, 1 - LEVEL / 2), stdtrit(n - 1, 1 - LEVEL / (2 * count))
    p_TM = 2 * stdtr(n - 1, -np.abs(mean_TM) / error_TM)
    return Tested(mean_TM, alone * error_TM, corrected * error_TM, p_TM, n - 1)


def differences(n: int, effect_M: FloatArray) -> FloatArray:
    """Return the paired differences of tables, (T, n, M), whose true values are the effects."""
    rows = len(effect_M) // METRICS
    random = np.random.default_rng([n, rows])
    factor = np.linalg.cholesky((1 - CORRELATION) * np.eye(METRICS) + CORRELATION)
    value_TnRC = random.normal(size=(TABLES, n, rows + 1, METRICS)) @ factor.T
    difference_TnRC = (value_TnRC[:, :, 1:] - value_TnRC[:, :, :1]) / 2**0.5
    return difference_TnRC.reshape(TABLES, n, rows * METRICS) + effect_M


def check(difference_TnM: FloatArray, found: Tested) -> None:
    """Stop where the platform's own verdicts on some of the tables are others."""
    count, holm_TM = difference_TnM.shape[2], found.holm()
    for t, difference_nM in enumerate(difference_TnM[:CHECKED]):
        table = (UNIT * difference_nM.T).tolist()
        of_table = differences_of(["test/accuracy/last"] * count, table, UNIT * MARGIN)
        for m, values in enumerate(table):
            said = verdict(of_table[m])
            assert said.startswith(("higher", "lower")) == holm_TM[t, m], (said, values)
            assert ("equal" in said) == found.equal()[t, m], (said, values)


def cell(n: int, rows: int) -> str:
    """Return a line of the table."""
    all_M = np.ones(rows * METRICS)
    first_row_M, all_but_one_M = all_M.copy(), all_M.copy()
    first_row_M[METRICS:], all_but_one_M[-1] = 0, 0
    null_TnM = differences(n, 0 * all_M)
    null, edge = tested(null_TnM), tested(differences(n, MARGIN * all_M))
    check(null_TnM, null)
    one, every = tested(differences(n, EFFECT * first_row_M)), tested(differences(n, EFFECT * all_M))
    errors = [any_of(null.probably()), any_of(null.shown()), any_of(null.holm())]
    of_one = [float(found_TM[:, :METRICS].mean()) for found_TM in (one.probably(), one.shown(), one.holm())]
    of_all = [float(found_TM.mean()) for found_TM in (every.shown(), every.holm())]
    covered = coverage(tested(differences(n, CLEAR * all_but_one_M)), CLEAR * all_but_one_M)
    equal = [any_of(edge.equal()), float(null.equal().mean())]
    numbers = [*errors, *of_one, *of_all, *covered, *equal]
    return f"| {n} | {rows} | " + " | ".join(f"{100 * number:.1f}" for number in numbers) + " |"


def coverage(found: Tested, truth_M: FloatArray) -> tuple[float, float]:
    """Return how often the simultaneous intervals of a table all hold, and how often one at Holm's level does."""
    miss_TM = np.abs(found.mean_TM - truth_M)
    return float((miss_TM <= found.half_TM).all(axis=1).mean()), float((miss_TM <= found.step_half_TM()).mean())


def any_of(found_TM: BoolArray) -> float:
    """Return the share of tables in which anything is found."""
    return float(found_TM.any(axis=1).mean())


def main() -> str:
    """Return the table: in percent, of tables where any comparison errs or all hold, else of comparisons."""
    titles = (
        *("seeds", "rows", "error: probably", "error: Bonferroni", "error: now"),
        *("one row: probably", "one row: Bonferroni", "one row: now", "all rows: Bonferroni", "all rows: now"),
        *("all at once: hold", "Holm's intervals: hold", "equal at the margin", "equal at 0"),
    )
    lines = [cell(n, rows) for n in SEEDS for rows in ROWS]
    head = [f"| {' | '.join(titles)} |", "|" + "--:|" * len(titles)]
    explained = (
        f"{TABLES} tables a line, {METRICS} metrics correlated by {CORRELATION}, effect {EFFECT} and margin {MARGIN} "
        f"deviations of the differences; percent. Error: tables without differences in which any is shown. All at "
        f"once: tables whose simultaneous intervals all hold, every difference but one clear ({CLEAR} deviations); "
        f"Holm's intervals: how many of those in the table's cells hold, there."
    )
    return "\n".join([explained, *head, *lines])
