"""The answer to the thesis's question in three sentences: ensembles, cross-fitted exits, another training's oracle."""

from overthink.statistics.jackknife import Interval
from overthink.statistics.wording import at_most, percent, points
from overthink.study.ensemble import Ensembles
from overthink.study.findings import Findings

FEWEST = 5
"""Trainings from which the ensemble curve is extrapolated."""
HALF = 0.5
"""More of a whole than this is most of it."""


def summary(arm: str, found: Findings) -> str:
    """Return the sentences, with how many trainings and samples they are from."""
    behind = f"(arm {arm}, {found.repeats} repeats, {found.samples} test samples)"
    if found.has_one_exit:
        return f"A network of one exit cannot overthink: no exit comes before its last one {behind}."
    if found.any_later.rate.mean.value == 0:
        return f"No any-later overthinking was seen{at_most(found.any_later.rate.mean)} {behind}."
    return " ".join(
        [_averages_out(found.ensembles, found.any_later.rate.mean, behind), _in_expectation(found), _luck(found)]
    )


def _averages_out(found: Ensembles | None, rate: Interval, behind: str) -> str:
    if found is None:
        return (
            f"How much of any-later overthinking averages out over trainings is not known, since the runs have stored "
            f"neither logits nor predicted classes with labels: it is {percent(rate)} of samples {behind}."
        )
    curve = found.any_later
    all_together, n = curve.rates[-1], curve.sizes[-1]
    lacking = "logits of test data are not stored"
    averaged = f"{n} are averaged" if found.from_logits else f"the confidences of {n} are averaged ({lacking})"
    seen = f"it is {percent(rate)} of samples in one training and {percent(all_together)} once {averaged}"
    if curve.plateau is None and n < FEWEST:
        return f"Too few repeats to extrapolate any-later overthinking to many trainings: {seen} {behind}."
    if curve.plateau is None or curve.stays is None:
        return f"That averaging trainings lowers any-later overthinking is not shown: {seen} {behind}."
    rest = f"{seen}; extrapolated to infinitely many, {percent(curve.plateau)} would stay {behind}"
    return f"{_how_much(curve.stays)}: {rest}."


def _how_much(stays: Interval) -> str:
    if stays.low is None or stays.high is None:
        return "How much of any-later overthinking averages out is not determined"
    if stays.high < HALF:
        rest = "a part stays" if stays.low > 0 else "that anything stays is not shown"
        return f"Most of any-later overthinking averages out over trainings, and {rest}"
    if stays.low > HALF:
        return "Most of any-later overthinking stays when trainings are averaged"
    part = ", but a part stays" if stays.low > 0 else ""
    return f"Whether most of any-later overthinking averages out over trainings is undecided{part}"


def _in_expectation(found: Findings) -> str:
    gain, seen = found.cross_fitted.gain, found.final.rate.mean
    of = f"of {100 * seen.value:.1f} that an oracle gains over the last exit"
    measured = (
        f"an exit chosen per sample on {found.cross_fitted.chosen_on} of {found.repeats} trainings changes accuracy in "
        f"the others by {points(gain)}"
    )
    if gain.low is None or gain.high is None:
        return f"Chosen on other trainings: {measured}, {of}."
    if gain.low > 0:
        words = "For some samples an earlier exit is better in expectation"
    elif gain.high < 0:
        words = "Choosing earlier exits by what other trainings get right does harm"
    else:
        words = "That an earlier exit is better in expectation for any samples is not shown"
    return f"{words}: {measured}, {of}."


def _luck(found: Findings) -> str:
    transfer = found.oracle_transfer
    if transfer.oracle.low is None:
        reached, own = percent(transfer.transferred), percent(transfer.oracle)
        return f"The oracle of another training reaches {reached}, that of a training's own {own}."
    reached, own, last = (percent(one) for one in (transfer.transferred, transfer.oracle, transfer.last))
    return (
        f"{points(transfer.luck, signed=False)} of an oracle's accuracy are luck of its own training: taken over to "
        f"another one, its exits reach {reached} instead of {own} (last exit {last})."
    )
