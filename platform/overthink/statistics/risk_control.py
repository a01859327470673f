"""Upper bounds of a mean loss from n samples, and the choice of a setting whose loss is bounded with confidence.

Losses are at most 1; those of Learn-then-Test and of conformal risk control at least 0. Settings are tried from the
safest one on, and the first that is not certified ends the search: fixed-sequence testing, which needs no correction
for their number, and no loss that falls from setting to setting. Settings and networks must not come from the samples.
"""

from math import ceil, log, log1p

import numpy as np

from overthink.predictions.arrays import BoolArray, FloatArray
from overthink.statistics.estimate import TIE

ROUNDING = 1e-9


def binomial_p(errors: int, n: int, risk: float) -> float:
    """Return P(Bin(n, risk) <= errors): the p-value that the mean of 0/1 losses is above `risk`."""
    from scipy.special import bdtr

    return float(bdtr(errors, n, risk))


def hoeffding_bentkus_p(total: float, n: int, risk: float) -> float:
    """Return the p-value that the mean of losses in [0, 1] with this sum is above `risk` (Bates et al. 2021).

    min(exp(-n kl(min(mean, risk), risk)), e P(Bin(n, risk) <= ceil(total))).
    """
    mean = min(total / n, risk)
    hoeffding = float(np.exp(-n * _kl(mean, risk)))
    bentkus = float(np.e) * binomial_p(ceil(total - ROUNDING), n, risk)
    return min(hoeffding, bentkus, 1.0)


def _kl(a: float, b: float) -> float:
    first = 0.0 if a == 0 else a * log(a / b)
    return first + (0.0 if a == 1 else (1 - a) * (log1p(-a) - log1p(-b)))


def _bets(loss_GN: FloatArray, delta: float) -> FloatArray:
    """Return the bets nu_i against each mean (Waudby-Smith & Ramdas 2023).

    With running means mu_i = (1/2 + sum_{j<=i} x_j) / (1 + i), variances s_i = (1/4 + sum_{j<=i} (x_j - mu_j)^2) /
    (1 + i) and s_0 = 1/4: nu_i = min(1, sqrt(2 log(1/delta) / (n s_{i-1}))). The upper bound of the mean is the m at
    which max_i sum_{j<=i} log(1 - nu_j (x_j - m)) is log(1/delta); it is too low with a chance of at most `delta`. It
    depends on the order of the samples, which must not depend on their losses. Losses are at most 1; they may be
    negative.
    """
    n, count_N = loss_GN.shape[1], np.arange(1, loss_GN.shape[1] + 1)
    mean_GN = (0.5 + loss_GN.cumsum(axis=1)) / (1 + count_N)
    variance_GN = (0.25 + ((loss_GN - mean_GN) ** 2).cumsum(axis=1)) / (1 + count_N)
    before_GN = np.column_stack([np.full(len(loss_GN), 0.25), variance_GN[:, :-1]])
    return np.asarray(np.minimum(1.0, np.sqrt(2 * log(1 / delta) / (n * before_GN))))


def _excluded(loss_GN: FloatArray, bet_GN: FloatArray, mean: float, delta: float) -> BoolArray:
    """Return whether a mean is excluded: betting against it would have won enough."""
    with np.errstate(divide="ignore"):
        wealth_GN = np.log(np.maximum(1 - bet_GN * (loss_GN - mean), 0.0)).cumsum(axis=1)
    return np.asarray(wealth_GN.max(axis=1) >= log(1 / delta))


def ltt_certified(loss_GN: FloatArray, risk: float, delta: float) -> BoolArray:
    """Return of each setting whether its p-value is at most `delta`; negative losses count as 0 (Angelopoulos 2021)."""
    clipped_GN = np.maximum(loss_GN, 0)
    n = loss_GN.shape[1]
    binary = bool(np.isin(clipped_GN, (0, 1)).all())
    if binary:
        errors_G = clipped_GN.sum(axis=1).astype(int)
        return np.array([binomial_p(int(errors), n, risk) <= delta + TIE for errors in errors_G])
    return np.array([hoeffding_bentkus_p(float(loss_N.sum()), n, risk) <= delta + TIE for loss_N in clipped_GN])


def ucb_certified(loss_GN: FloatArray, risk: float, delta: float) -> BoolArray:
    """Return of each setting whether the upper confidence bound of its loss is below `risk`."""
    return _excluded(loss_GN, _bets(loss_GN, delta), risk, delta)


def crc_certified(loss_GN: FloatArray, risk: float, delta: float) -> BoolArray:
    """Return of each setting whether (sum of losses + 1) / (n + 1) is at most `risk` (conformal risk control).

    It promises the mean over draws of calibration and test data, without a `delta`, for losses that fall from setting
    to setting, sample by sample; they need not here, since a sample can be right at an early exit and wrong later.
    """
    n = loss_GN.shape[1]
    return np.asarray((loss_GN.sum(axis=1) + 1) / (n + 1) <= risk + TIE)


def last_certified(certified_G: BoolArray) -> int:
    """Return the number of the last setting before the first that is not certified; -1 where the first one is not.

    >>> last_certified(np.array([True, True, False, True]))
    1
    """
    return int(certified_G.argmin()) - 1 if not certified_G.all() else len(certified_G) - 1


def ltt_needs(risk: float, delta: float) -> int:
    """Return the number of samples without any loss that certify a risk: (1 - risk)^n <= delta."""
    return ceil(log(delta) / log1p(-risk) - ROUNDING)


def crc_needs(risk: float, delta: float) -> int:
    """Return the number of samples without any loss that conformal risk control needs: 1 / (n + 1) <= risk."""
    return ceil(1 / risk - ROUNDING) - 1


def ucb_needs(risk: float, delta: float) -> int:
    """Return the number of samples without any loss whose upper confidence bound is below a risk."""
    low, high = 1, 2
    while not ucb_certified(np.zeros((1, high)), risk, delta).any():
        low, high = high, 2 * high
    while low < high:
        middle = (low + high) // 2
        if ucb_certified(np.zeros((1, middle)), risk, delta).any():
            high = middle
        else:
            low = middle + 1
    return high
