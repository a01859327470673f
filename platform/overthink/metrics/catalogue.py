"""The catalogue: every metric of predictions, with its name, unit, range and source.

Everything before a name's last `/` is its chart section in MLflow. A new metric is one more entry in CATALOGUE, or
a plug-in's.
"""

from collections.abc import Callable
from difflib import get_close_matches

from overthink.inference.oracle import oracle, upper_bound
from overthink.metrics.accuracy import accuracy, by_level
from overthink.metrics.agreement import rank_correlation
from overthink.metrics.budgeted import BUDGETED
from overthink.metrics.calibration import calibration_error
from overthink.metrics.hindsight import hindsight_improvability
from overthink.metrics.metric import Metric
from overthink.metrics.naming import by_exit, level_names
from overthink.metrics.overthinking import (
    final_overthinking_rate,
    mean_confusion,
    overthinking_pairs,
    overthinking_rate,
    wasteful_overthinking_rate,
)
from overthink.metrics.temperature import TEMPERATURE
from overthink.plugins.modules import PluginError, objects
from overthink.predictions.absent import needed
from overthink.predictions.arrays import BoolArray
from overthink.predictions.predictions import Predictions


def compute(predictions: Predictions, validation: Predictions | None = None) -> dict[str, float]:
    """Return every metric of the catalogue by its full name, all finite; levels without samples are left out.

    So are metrics that need something that the predictions do not have: classes, confidences, costs or logits.

    Args:
        predictions: Of one network on one split.
        validation: Of the same network on validation data; metrics that need thresholds are left out without them.

    Returns:
        Metric -> value: rates as fractions, costs in MUL-ADDs; `describe` has unit, range and source of each.

    Raises:
        ValueError: Two level names become the same in a metric's name, or a plug-in's metric raises.

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
        values |= _values(metric, predictions, validation)
    for metric in plugged_metrics().values():
        try:
            values |= _values(metric, predictions, validation)
        except Exception as error:
            raise ValueError(f"metric {metric.name} of a plug-in raised {type(error).__name__}: {error}") from error
    return values


def _values(metric: Metric, predictions: Predictions, validation: Predictions | None) -> dict[str, float]:
    if not metric.is_known(predictions, validation):
        return {}
    return metric.values(predictions, *([validation] if metric.needs_validation else []))


def describe(name: str) -> Metric:
    """Return the metric of a full name; a member of a family with its own name and title.

    Raises ValueError, with the nearest name, where no metric has this name.

    >>> describe("accuracy/exit_2").title
    'Accuracy of exit 2'
    """
    for metric in (*CATALOGUE, *plugged_metrics().values()):
        if (described := metric.described(name)) is not None:
            return described
    nearest = get_close_matches(name, [metric.name for metric in CATALOGUE], n=1, cutoff=0)[0]
    raise ValueError(f"unknown metric {name!r}; did you mean {nearest!r}?")


def plugged_metrics() -> dict[str, Metric]:
    """Return the metrics of plug-ins by name; raises PluginError for two of one name.

    >>> sorted(plugged_metrics())  # where no plug-in has any
    []
    """
    known = {metric.name: ("the package", metric) for metric in CATALOGUE}
    found: dict[str, Metric] = {}
    for one in objects("metrics"):
        for metric in one.value if isinstance(one.value, tuple) else (one.value,):
            if not isinstance(metric, Metric) or metric in CATALOGUE:
                continue
            place, other = known.setdefault(metric.name, (one.place, metric))
            if other is not metric:
                raise PluginError(f"two plug-ins have metric {metric.name}: {place} and {one.place}; leave one out")
            found[metric.name] = metric
    return found


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
    """Return correlations of neighbouring exits; none for a single sample, NaN for an exit of constant confidence."""
    if p.n_exits < 2 or len(p.ids_N) < 2:
        return {}
    neighbours_P = rank_correlation(needed(p.max_softmax_EN, "confidence")).diagonal(offset=1).tolist()
    return {f"rank_correlation/exit_{i}_then_exit_{i + 1}": value for i, value in enumerate(neighbours_P, start=1)}


def _oracle_accuracy(p: Predictions) -> float:
    return float(p.correct_EN.any(axis=0).mean())


ANYTIME = "thesis section 3.2.1, anytime prediction"
ANY_LATER = "thesis eq. 3.11 and table 3.1, any later exit"
FINAL = "Kaya et al. 2019, destructive effect"
PERFECT = "thesis section 3.3 and fig. 3.7"

CATALOGUE = (
    Metric(
        "accuracy/exit_{exit}",
        "Accuracy of exit {exit}",
        ANYTIME,
        "higher",
        lambda p: by_exit("accuracy", accuracy(p.correct_EN)),
    ),
    Metric(
        "accuracy/last", "Accuracy of the last exit", ANYTIME, "higher", lambda p: float(accuracy(p.correct_EN)[-1])
    ),
    Metric(
        "accuracy/mean",
        "Mean accuracy over exits",
        "ours; every exit weighs the same",
        "higher",
        lambda p: float(accuracy(p.correct_EN).mean()),
    ),
    Metric(
        "accuracy_by_level/{level}/exit_{exit}",
        "Accuracy of exit {exit} on level {level}",
        "ours",
        "higher",
        _accuracy_by_level,
    ),
    Metric(
        "overthinking/any_later",
        "Overthinking, any later exit",
        ANY_LATER,
        "lower",
        lambda p: overthinking_rate(p.correct_EN),
    ),
    Metric(
        "overthinking/final", "Overthinking, last exit", FINAL, "lower", lambda p: final_overthinking_rate(p.correct_EN)
    ),
    Metric(
        "overthinking/wasteful",
        "Wasteful overthinking",
        "Kaya et al. 2019, wasteful effect",
        "none",
        lambda p: wasteful_overthinking_rate(p.correct_EN),
    ),
    Metric(
        "overthinking_by_level/any_later/{level}",
        "Overthinking, any later exit, on level {level}",
        ANY_LATER,
        "lower",
        lambda p: _rate_by_level(p, "overthinking_by_level/any_later", overthinking_rate),
    ),
    Metric(
        "overthinking_by_level/final/{level}",
        "Overthinking, last exit, on level {level}",
        FINAL,
        "lower",
        lambda p: _rate_by_level(p, "overthinking_by_level/final", final_overthinking_rate),
    ),
    Metric(
        "overthinking_pairs/exit_{exit}_then_exit_{later}",
        "Right at exit {exit}, wrong at exit {later}",
        "thesis eq. 3.11, one pair of exits",
        "lower",
        _pairs,
    ),
    Metric(
        "confusion/mean",
        "Confusion, mean over samples",
        "Kaya et al. 2019, confusion, not standardised",
        "none",
        lambda p: mean_confusion(needed(p.confusion_EN, "confusion")),
        unit="L1",
        range=(0, None),
        needs=("confusion",),
    ),
    Metric("oracle/accuracy", "Oracle accuracy", PERFECT, "higher", _oracle_accuracy),
    Metric(
        "oracle/mul_adds",
        "Oracle cost per sample",
        PERFECT + ", no inference where no exit is right",
        "none",
        lambda p: oracle(p.correct_EN, needed(p.cost_E, "costs")).mean_cost,
        unit="MUL-ADDs",
        range=(0, None),
        needs=("MUL-ADDs",),
    ),
    Metric(
        "upper_bound/accuracy",
        "Realistic upper bound, accuracy",
        PERFECT + ", equal to the oracle's",
        "higher",
        _oracle_accuracy,
    ),
    Metric(
        "upper_bound/mul_adds",
        "Realistic upper bound, cost per sample",
        PERFECT + ", last exit where no exit is right",
        "lower",
        lambda p: upper_bound(p.correct_EN, needed(p.cost_E, "costs")).mean_cost,
        unit="MUL-ADDs",
        range=(0, None),
        needs=("MUL-ADDs",),
    ),
    Metric(
        "calibration/ece/exit_{exit}",
        "Expected calibration error of exit {exit}",
        "Guo et al. 2017, 15 bins",
        "lower",
        lambda p: by_exit("calibration/ece", calibration_error(p.correct_EN, needed(p.max_softmax_EN, "confidence"))),
        needs=("confidence",),
    ),
    Metric(
        "hindsight/exit_{exit}",
        "Errors of exit {exit} that an earlier exit had right",
        "hindsight improvability, Wołczyk et al. 2021",
        "lower",
        lambda p: by_exit("hindsight", hindsight_improvability(p.correct_EN)),
    ),
    Metric(
        "rank_correlation/exit_{exit}_then_exit_{later}",
        "Rank correlation of confidence, exits {exit} and {later}",
        "thesis figure 3.10; Spearman",
        "none",
        _rank_correlations,
        range=(-1, 1),
        needs=("confidence",),
    ),
    *BUDGETED,
    *TEMPERATURE,
)
