"""The noise ceiling as metrics by name: a group of policy networks has them, since no single run does."""

from collections.abc import Callable

from overthink.metrics.metric import Metric
from overthink.policy.noise_ceiling import NoiseCeiling
from overthink.statistics.jackknife import Interval

SOURCE = "ours, after Nili et al. 2014"
ANOTHER, MAJORITY = "Another training's labels", "The majority of the other trainings' labels"


def compute_ceiling(ceiling: NoiseCeiling) -> dict[str, float]:
    """Return the metrics of a noise ceiling by full name; what is unknown is left out."""
    return {name: value for metric in CEILING for name, value in metric.values(ceiling).items()}


def _plain(name: str, title: str, compute: Callable[[NoiseCeiling], float | None]) -> Metric:
    return Metric(f"policy/ceiling/{name}", title, SOURCE, "none", compute, range=(0, None))


def _with_interval(name: str, title: str, of: Callable[[NoiseCeiling], Interval | None]) -> tuple[Metric, ...]:
    def end(place: int) -> Callable[[NoiseCeiling], float | None]:
        return lambda ceiling: None if (found := of(ceiling)) is None else found[place]

    ends = (("", ""), ("/low", ", lower end over trainings"), ("/high", ", upper end over trainings"))
    return tuple(
        Metric(f"policy/ceiling/{name}{suffix}", title + words, SOURCE, "none", end(place), range=(-1, 1))
        for place, (suffix, words) in enumerate(ends)
    )


CEILING = (
    _plain("trainings", "Trainings of the main network behind the noise ceiling", lambda c: float(c.trainings)),
    _plain(
        "averaged",
        "Trainings in each set that labels are averaged over",
        lambda c: float(c.averaged) if c.averaged > 1 else None,
    ),
    *_with_interval("another/accuracy", f"{ANOTHER}, right", lambda c: c.another and c.another.accuracy),
    *_with_interval(
        "another/balanced_accuracy",
        f"{ANOTHER}, right, every label weighing the same",
        lambda c: c.another and c.another.balanced_accuracy,
    ),
    *_with_interval("another/kappa", f"{ANOTHER}, Cohen's kappa", lambda c: c.kappa),
    _plain("another/constant", "The best constant answer on those samples", lambda c: c.another and c.another.constant),
    _plain("another/labelled", "Samples labelled in both trainings", lambda c: c.another and c.another.labelled),
    *_with_interval("majority/accuracy", f"{MAJORITY}, right", lambda c: c.majority and c.majority.accuracy),
    *_with_interval(
        "majority/balanced_accuracy",
        f"{MAJORITY}, right, every label weighing the same",
        lambda c: c.majority and c.majority.balanced_accuracy,
    ),
    _plain(
        "majority/constant", "The best constant answer on those samples", lambda c: c.majority and c.majority.constant
    ),
    _plain(
        "majority/labelled",
        "Samples labelled in the predicted training and in another",
        lambda c: c.majority and c.majority.labelled,
    ),
    *_with_interval("excess", f"{MAJORITY}, right, minus the best constant answer", lambda c: c.excess),
    *_with_interval("upper", "The majority of all trainings' labels, the predicted one's included", lambda c: c.upper),
)
