"""The tables of a study: a row for each arm, each exit, and each pair of exits."""

from collections.abc import Mapping, Sequence
from math import inf

from overthink.report.averages import held_fixed_sentence, repeats_sentence
from overthink.report.grids import Grid
from overthink.report.undetermined import ND, SENTENCE, meanings_of, says_nothing
from overthink.seeds import STREAMS, moving
from overthink.statistics.jackknife import Interval
from overthink.study.ensemble import Curve
from overthink.study.findings import Findings
from overthink.study.spread import Spread

AVERAGED = "Averaged: any-later overthinking once the softmax of all repeats is averaged"
OF_CONFIDENCES = ", the confidences instead where logits of test data are not stored ({arms})"
CHURN = "Churn: how often two repeats answer differently at the last exit."
ARMS_SIGNS = {
    "->": "-> many: extrapolated, the systematic part.",
    "±": "±: standard deviation over repeats, on these test samples.",
    "[": "[95% intervals, those of means for new trainings and new samples].",
    ND: f"{ND}: so few runs do not determine it (an interval as wide as the range; of a deviation, ends that differ by "
    "more than ten times).",
}
"""Sign -> what it means, in the caption of a table that has it."""
INTERVALS = {"[": "[95% intervals].", ND: SENTENCE}
TIES_CAPTION = (
    "Percent of test samples. Within: the first exit right and the second wrong, in one network; across: the first "
    "exit of one repeat, the second of another."
)
ANY_EARLIER = "any earlier right, last wrong"


def arms_grid(arms: Mapping[str, Findings]) -> Grid:
    """Return a row for each arm."""
    rows = [
        (
            name,
            "1" if _is_control(found) else str(found.repeats),
            _spread(found.accuracy_E[-1]),
            *(("-", "-") if found.has_one_exit else (_spread(found.any_later.rate), _spread(found.final.rate))),
            "-"
            if found.same or found.has_one_exit or found.ensembles is None
            else _averaged(found.ensembles.any_later),
            interval(found.churn_E[-1].disagreement, end_digits=0).replace(" ", "\n", 1) if found.churn_E else "-",
        )
        for name, found in arms.items()
    ]
    titles = ("Arm", "n", "Last exit", "Any later", "Final", "Averaged", "Churn")
    controls = {name: found.repeats for name, found in arms.items() if _is_control(found)}
    fixed = {
        name: [stream for stream in STREAMS if stream not in found.sources]
        for name, found in arms.items()
        if name not in controls
    }
    of_confidences = [
        name for name, found in arms.items() if not found.same and found.ensembles and not found.ensembles.from_logits
    ]
    sentences = (_arms_caption(rows, of_confidences), repeats_sentence(controls), held_fixed_sentence(fixed))
    return Grid(titles, rows, " ".join(filter(None, sentences)))


def _arms_caption(rows: Sequence[Sequence[str]], of_confidences: Sequence[str]) -> str:
    """Return what the columns and signs mean that the table of arms has."""
    instead = OF_CONFIDENCES.format(arms=", ".join(of_confidences)) if of_confidences else ""
    averaged, churned = ("".join(row[column] for row in rows).strip("-") for column in (5, 6))
    said = [
        *([f"{AVERAGED}{instead}."] if averaged else []),
        *([CHURN] if churned else []),
        *meanings_of(rows, ARMS_SIGNS),
    ]
    return " ".join(["Percent of test samples. Accuracy and rates: mean over repeats.", *said])


def _is_control(found: Findings) -> bool:
    """Return whether the runs of an arm repeat one training: one observation."""
    return not moving(found.sources)


def _averaged(curve: Curve) -> str:
    together = f"{100 * curve.rates[-1].value:.1f}"
    if curve.plateau is None:
        return together
    return f"{together} -> many:\n{interval(curve.plateau).replace(' ', chr(10), 1)}"


def exits_grid(found: Findings) -> Grid:
    """Return a row for each exit: how often repeats answer differently there, and how."""
    rows = [
        (
            f"exit {number}",
            interval(churn.disagreement),
            interval(churn.right_to_wrong),
            interval(churn.wrong_to_wrong),
            f"{100 * churn.error:.1f}",
            "-" if churn.normalised is None else interval(churn.normalised, 1, 2),
        )
        for number, churn in enumerate(found.churn_E, start=1)
    ]
    titles = ("", "Answers differ", "Right, then wrong", "Both wrong, differ", "Error", "Differ / error")
    caption = (
        "Percent of test samples, over all pairs of repeats. Wrong, then right is as frequent as right, then wrong."
    )
    return Grid(titles, rows, " ".join((caption, *meanings_of(rows, INTERVALS))))


def ties_grid(found: Findings) -> Grid:
    """Return a row for each pair of exits: how often the first is right and the second wrong."""
    pairs = [(f"{i} right, {j} wrong", coupled) for (i, j), coupled in found.coupling.items()]
    if found.final_coupling is not None and len(pairs) > 1:
        pairs.append((ANY_EARLIER, found.final_coupling))
    rows = [
        (name, interval(coupled.within), interval(coupled.across), interval(coupled.difference, signed=True))
        for name, coupled in pairs
    ]
    earlier = ["Any earlier: any exit before the last."] if pairs and pairs[-1][0] == ANY_EARLIER else []
    said = (TIES_CAPTION, *earlier, *meanings_of(rows, INTERVALS))
    return Grid(("Exits", "Within", "Across", "Within minus across"), rows, " ".join(said))


def interval(
    found: Interval,
    factor: float = 100,
    digits: int = 1,
    end_digits: int | None = None,
    signed: bool = False,
    most: float | None = None,
) -> str:
    """Return a number and its interval: `12.3 [11.0, 13.6]`, cut at 0, or with a sign at -`most`, and at `most`.

    `most` is 1 for percentages, else without limit if it is not given. An interval as wide as that is `n.d.`.
    """
    most = (1 if factor == 100 else inf) if most is None else most
    least = -most if signed else 0.0
    found = found.within(least, most)
    sign = "+" if signed else ""
    value = f"{factor * found.value:{sign}.{digits}f}"
    if found.low is None or found.high is None:
        return value
    if says_nothing(found.low, found.high, most - least):
        return f"{value} {ND}"
    form = f"{sign}.{digits if end_digits is None else end_digits}f"
    return f"{value} [{factor * found.low:{form}}, {factor * found.high:{form}}]"


def _spread(found: Spread) -> str:
    mean = interval(found.mean).replace(" ", "\n", 1)
    if found.std is None:
        return mean
    std = interval(found.std).replace(" ", "\n", 1) if found.is_determined else f"{100 * found.std.value:.1f} {ND}"
    return f"{mean}\n± {std}"
