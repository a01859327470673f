"""The catalogue: every number computed from predictions, with its name, unit, range and source, in one place.

Everything before a name's last `/` is its chart section in MLflow. A metric is added by one entry at the end.
"""

from collections.abc import Callable
from dataclasses import replace
from difflib import get_close_matches

import numpy as np

from overthink.inference.oracle import oracle, upper_bound
from overthink.metrics.accuracy import accuracy, by_level
from overthink.metrics.agreement import rank_correlation
from overthink.metrics.budgeted import BUDGETED
from overthink.metrics.calibration import calibration_error
from overthink.metrics.hindsight import hindsight_improvability
from overthink.metrics.metric import Metric
from overthink.metrics.naming import by_exit, level_names, match
from overthink.metrics.overthinking import (
    final_overthinking_rate,
    mean_confusion,
    overthinking_pairs,
    overthinking_rate,
    wasteful_overthinking_rate,
)
from overthink.metrics.temperature import TEMPERATURE
from overthink.predictions.arrays import BoolArray
from overthink.predictions.predictions import Predictions


def compute(predictions: Predictions, validation: Predictions | None = None) -> dict[str, float]:
    """Return every metric of the catalogue by its full name, all finite; levels without samples are left out.

    Args:
        predictions: Of one network on one split.
        validation: Of the same network on validation data; metrics that need thresholds are left out without them.

    Returns:
        Metric -> value: rates as fractions, costs in MUL-ADDs; `describe` has unit, range and source of each.

    Raises:
        ValueError: Two level names become the same in a metric's name.

    Example:
        Of two samples, exit 2 loses the first, which exit 1 had right.

        >>> import numpy as np, overthink
        >>> predictions = overthink.Predictions.from_logits(
        ...     logits_ENC=np.array([[[2.0, 0.0], [0.0, 2.0]], [[0.0, 1.0], [0.0, 3.0]]]),
        ...     labels_N=[0, 1], ids_N=[0, 1], levels_N=[0, 0], level_names=(), cost_E=[10, 25],
        ...     fingerprint="by hand", split="test", keep_logits=False,
        ... )
        >>> found = overthink.compute_metrics(predictions)
        >>> found["accuracy/last"], found["overthinking/any_later"], found["oracle/accuracy"]
        (0.5, 0.5, 1.0)
    """
    values: dict[str, float] = {}
    for metric in CATALOGUE:
        if metric.needs_validation and validation is None:
            continue
        value = metric.compute(predictions, validation) if metric.needs_validation else metric.compute(predictions)
        values |= value if isinstance(value, dict) else {metric.name: value}
    return values


def describe(name: str) -> Metric:
    """Return what is known about a full name; a member of a family gets its own name and title.

    Raises ValueError, with the nearest name, where no metric has this name.
    """
    for metric in CATALOGUE:
        if (parts := match(metric.name, name)) is not None:
            return replace(metric, name=name, title=metric.title.format(**parts))
    nearest = get_close_matches(name, [metric.name for metric in CATALOGUE], n=1, cutoff=0)[0]
    raise ValueError(f"unknown metric {name!r}; did you mean {nearest!r}?")


def _accuracy_by_level(p: Predictions) -> dict[str, float]:
    values: dict[str, float] = {}
    for level, accuracy_E in by_level(accuracy, p.correct_EN, p.levels_N, level_names(p.level_names)).items():
        values |= by_exit(f"accuracy_by_level/{level}", accuracy_E)
    return values


def _rate_by_level(p: Predictions, section: str, rate: Callable[[BoolArray], float]) -> dict[str, float]:
    rates = by_level(rate, p.correct_EN, p.levels_N, level_names(p.level_names))
    return {f"{section}/{level}": value for level, value in rates.items()}


def _pairs(p: Predictions) -> dict[str, float]:
    pairs_EE = overthinking_pairs(p.correct_EN).tolist()
    return {
        f"overthinking_pairs/exit_{i + 1}_then_exit_{j + 1}": pairs_EE[i][j]
        for i in range(p.n_exits)
        for j in range(i + 1, p.n_exits)
    }


def _rank_correlations(p: Predictions) -> dict[str, float]:
    """Of neighbouring exits; an exit equally sure of everything, and a single sample, have none."""
    if p.n_exits < 2 or len(p.ids_N) < 2:
        return {}
    neighbours_P = rank_correlation(p.max_softmax_EN).diagonal(offset=1)
    return {
        f"rank_correlation/exit_{i}_then_exit_{i + 1}": float(value)
        for i, value in enumerate(neighbours_P, start=1)
        if not np.isnan(value)
    }


ANYTIME = "thesis section 3.2.1, anytime prediction"
ANY_LATER = "thesis eq. 3.11 and table 3.1, any later exit"
FINAL = "Kaya et al. 2019, destructive effect"
PERFECT = "thesis section 3.3 and fig. 3.7"

CATALOGUE = (
    Metric(
        name="accuracy/exit_{exit}",
        title="Accuracy of exit {exit}",
        source=ANYTIME,
        direction="higher",
        compute=lambda p: by_exit("accuracy", accuracy(p.correct_EN)),
    ),
    Metric(
        name="accuracy/last",
        title="Accuracy of the last exit",
        source=ANYTIME,
        direction="higher",
        compute=lambda p: float(accuracy(p.correct_EN)[-1]),
    ),
    Metric(
        name="accuracy/mean",
        title="Mean accuracy over exits",
        source="ours; every exit weighs the same",
        direction="higher",
        compute=lambda p: float(accuracy(p.correct_EN).mean()),
    ),
    Metric(
        name="accuracy_by_level/{level}/exit_{exit}",
        title="Accuracy of exit {exit} on level {level}",
        source="ours",
        direction="higher",
        compute=_accuracy_by_level,
    ),
    Metric(
        name="overthinking/any_later",
        title="Overthinking, any later exit",
        source=ANY_LATER,
        direction="lower",
        compute=lambda p: overthinking_rate(p.correct_EN),
    ),
    Metric(
        name="overthinking/final",
        title="Overthinking, last exit",
        source=FINAL,
        direction="lower",
        compute=lambda p: final_overthinking_rate(p.correct_EN),
    ),
    Metric(
        name="overthinking/wasteful",
        title="Wasteful overthinking",
        source="Kaya et al. 2019, wasteful effect",
        direction="none",
        compute=lambda p: wasteful_overthinking_rate(p.correct_EN),
    ),
    Metric(
        name="overthinking_by_level/any_later/{level}",
        title="Overthinking, any later exit, on level {level}",
        source=ANY_LATER,
        direction="lower",
        compute=lambda p: _rate_by_level(p, "overthinking_by_level/any_later", overthinking_rate),
    ),
    Metric(
        name="overthinking_by_level/final/{level}",
        title="Overthinking, last exit, on level {level}",
        source=FINAL,
        direction="lower",
        compute=lambda p: _rate_by_level(p, "overthinking_by_level/final", final_overthinking_rate),
    ),
    Metric(
        name="overthinking_pairs/exit_{exit}_then_exit_{later}",
        title="Right at exit {exit}, wrong at exit {later}",
        source="thesis eq. 3.11, one pair of exits",
        direction="lower",
        compute=_pairs,
    ),
    Metric(
        name="confusion/mean",
        title="Confusion, mean over samples",
        source="Kaya et al. 2019, confusion, not standardised",
        direction="none",
        compute=lambda p: mean_confusion(p.confusion_EN),
        unit="L1",
        range=(0, None),
    ),
    Metric(
        name="oracle/accuracy",
        title="Oracle accuracy",
        source=PERFECT,
        direction="higher",
        compute=lambda p: oracle(p.correct_EN, p.cost_E).accuracy,
    ),
    Metric(
        name="oracle/mul_adds",
        title="Oracle cost per sample",
        source=PERFECT + ", no inference where no exit is right",
        direction="none",
        compute=lambda p: oracle(p.correct_EN, p.cost_E).mean_cost,
        unit="MUL-ADDs",
        range=(0, None),
    ),
    Metric(
        name="upper_bound/accuracy",
        title="Realistic upper bound, accuracy",
        source=PERFECT + ", equal to the oracle's",
        direction="higher",
        compute=lambda p: upper_bound(p.correct_EN, p.cost_E).accuracy,
    ),
    Metric(
        name="upper_bound/mul_adds",
        title="Realistic upper bound, cost per sample",
        source=PERFECT + ", last exit where no exit is right",
        direction="lower",
        compute=lambda p: upper_bound(p.correct_EN, p.cost_E).mean_cost,
        unit="MUL-ADDs",
        range=(0, None),
    ),
    Metric(
        name="calibration/ece/exit_{exit}",
        title="Expected calibration error of exit {exit}",
        source="Guo et al. 2017, 15 bins",
        direction="lower",
        compute=lambda p: by_exit("calibration/ece", calibration_error(p.correct_EN, p.max_softmax_EN)),
    ),
    Metric(
        name="hindsight/exit_{exit}",
        title="Errors of exit {exit} that an earlier exit had right",
        source="hindsight improvability, Kaur et al. 2023",
        direction="lower",
        compute=lambda p: by_exit("hindsight", hindsight_improvability(p.correct_EN)),
    ),
    Metric(
        name="rank_correlation/exit_{exit}_then_exit_{later}",
        title="Rank correlation of confidence, exits {exit} and {later}",
        source="thesis figure 3.10; Spearman",
        direction="none",
        compute=_rank_correlations,
        range=(-1, 1),
    ),
    *BUDGETED,
    *TEMPERATURE,
)
