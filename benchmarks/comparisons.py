"""Errors, power and coverage of `compare --against`, in simulated tables whose truth is known.

A table compares 1, 3 or 8 rows with a baseline by four metrics over n seeds. Metrics of one run correlate by 0.6, as in
stored runs those of accuracy and overthinking do about; rows share their baseline, so that their differences correlate
by a half. Spreads are normal; effects and margins are in standard deviations of the differences. T: tables, n: seeds,
M: comparisons of a table.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import stdtr, stdtrit

from overthink.comparison.difference import difference_of
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

    def shown(self) -> BoolArray:
        """Return where the interval of all comparisons excludes 0: what is said to be higher or lower."""
        return np.abs(self.mean_TM) > self.half_TM

    def probably(self) -> BoolArray:
        """Return where the uncorrected interval excludes 0: the former rule's `probably` or more."""
        return np.abs(self.mean_TM) > self.alone_TM

    def holm(self) -> BoolArray:
        """Return where Holm's correction finds a difference."""
        count = self.p_TM.shape[1]
        order_TM = self.p_TM.argsort(axis=1)
        steps_TM = np.take_along_axis(self.p_TM, order_TM, axis=1) * (count - np.arange(count))
        found_TM = np.zeros(self.p_TM.shape, dtype=bool)
        np.put_along_axis(found_TM, order_TM, np.maximum.accumulate(steps_TM, axis=1) <= LEVEL, axis=1)
        return found_TM

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
    return Tested(mean_TM, alone * error_TM, corrected * error_TM, p_TM)


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
    count = difference_TnM.shape[2]
    for t, difference_nM in enumerate(difference_TnM[:CHECKED]):
        for m, values in enumerate((UNIT * difference_nM.T).tolist()):
            said = verdict(difference_of("test/accuracy/last", values, count, UNIT * MARGIN))
            assert said.startswith(("higher", "lower")) == found.shown()[t, m], (said, values)
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
    """Return in how many tables all intervals hold: ours, and ours cut at 0 where Holm finds a side."""
    held_TM = np.abs(found.mean_TM - truth_M) <= found.half_TM
    wrong_TM = found.holm() & (np.sign(found.mean_TM) != np.sign(truth_M))
    return float(held_TM.all(axis=1).mean()), float((held_TM & ~wrong_TM).all(axis=1).mean())


def any_of(found_TM: BoolArray) -> float:
    """Return the share of tables in which anything is found."""
    return float(found_TM.any(axis=1).mean())


def main() -> str:
    """Return the table: in percent, of tables where any comparison errs or all hold, else of comparisons."""
    titles = (
        *("seeds", "rows", "error: probably", "error: now", "error: Holm"),
        *("one row: probably", "one row: now", "one row: Holm", "all rows: now", "all rows: Holm"),
        *("all hold: now", "all hold: Holm, cut", "equal at the margin", "equal at 0"),
    )
    lines = [cell(n, rows) for n in SEEDS for rows in ROWS]
    head = [f"| {' | '.join(titles)} |", "|" + "--:|" * len(titles)]
    explained = (
        f"{TABLES} tables a line, {METRICS} metrics correlated by {CORRELATION}, effect {EFFECT} and margin {MARGIN} "
        f"deviations of the differences; percent. Error: tables without differences in which any is shown. All hold: "
        f"tables whose intervals all hold where every difference but one is clear ({CLEAR} deviations); Holm, cut: the "
        f"same intervals, ended at 0 where Holm's correction finds a side, so that verdict and interval agree."
    )
    return "\n".join([explained, *head, *lines])
