"""Several groups in one plot over the epochs of a training: recorded courses, and forks by the epoch they begin at.

`groups_page` and `groups_paper` draw them.
"""

from collections.abc import Callable, Mapping, Sequence

from overthink.metrics.overthinking import final_overthinking_rate, overthinking_rate
from overthink.predictions.course import Course
from overthink.report.figures.groups import Curve, Overlay, curve_of, new_seeds
from overthink.statistics.jackknife import Interval
from overthink.study.forks import AtEpoch, ForkArm, Undecided

RATES = (("any later", overthinking_rate), ("final", final_overthinking_rate))
FACTS: dict[str, Callable[[AtEpoch], Undecided]] = {
    "answers of the last exit": lambda at: at.answers_E[-1],
    "overthought, any later": lambda at: at.any_later,
    "overthought, final": lambda at: at.final,
}


def course_overlay(groups: Mapping[str, Sequence[Course]]) -> Overlay:
    """Return overthinking after each recorded epoch, of groups of one run or more each.

    Raises ValueError where the runs of a group were recorded at other moments, or on another split.
    """
    curves = [curve for name, courses in groups.items() for curve in _courses(name, courses)]
    splits = {course.split for courses in groups.values() for course in courses}
    samples = "test" if splits == {"test"} else "recorded"
    return Overlay(
        "Overthinking in the course of the training",
        "epoch",
        "overthinking (%)",
        None,
        False,
        True,
        tuple(curves),
        holds_for=new_seeds(groups, samples),
    )


def _courses(group: str, courses: Sequence[Course]) -> list[Curve]:
    if len({(course.moments, course.split) for course in courses}) > 1:
        raise ValueError(f"{group}: its courses were recorded at other moments, or on another split")
    epoch_T = tuple(moment.epoch for moment in courses[0].moments)
    return [
        curve_of(group, name, epoch_T, [[rate(correct_EN) for correct_EN in one.correct_TEN] for one in courses])
        for name, rate in RATES
    ]


def fork_overlay(arms: Mapping[str, ForkArm]) -> Overlay:
    """Return how much is decided at the epoch of a fork (`study.forks`), as far as independent trunks differ at all.

    Raises ValueError where none do.
    """
    curves = [
        curve
        for arm_name, arm in arms.items()
        for name, fact in FACTS.items()
        if (curve := _decided(name if len(arms) == 1 else f"{arm_name}: {name}", arm, fact)) is not None
    ]
    if not curves:
        raise ValueError("what is decided at a fork needs two trunks that differ, and there is one or they are equal")
    return Overlay(
        "Decided at an epoch: 1 - how often forks differ that share it / how often independent trainings differ",
        "epochs shared",
        "decided (%)",
        None,
        True,
        True,
        tuple(curves),
        over="trunks",
        holds_for="new trunks and new test samples",
    )


def _decided(name: str, arm: ForkArm, fact: Callable[[AtEpoch], Undecided]) -> Curve | None:
    found = [fact(at).decided for at in arm.epochs]
    known = [one for one in found if one is not None]
    if len(known) < len(found):
        return None
    epochs = tuple(float(at.epoch) for at in arm.epochs)
    low_P, high_P = _ends(known, "low"), _ends(known, "high")
    return Curve(name, "", arm.trunks, epochs, tuple(one.value for one in known), low_P, high_P)


def _ends(found: Sequence[Interval], end: str) -> tuple[float, ...] | None:
    ends = [getattr(one, end) for one in found]
    return None if None in ends else tuple(ends)
