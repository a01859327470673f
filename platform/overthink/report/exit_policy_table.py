"""The tables of exit policies: accuracy at budgets, and what each one saves, avoids and causes."""

from collections.abc import Sequence
from math import inf, isnan
from typing import Any

from overthink.exit_policies.failure import Foresight
from overthink.exit_policies.kept_promises import Kept
from overthink.exit_policies.side_by_side import AtBudget, Row, SideBySide
from overthink.report.csv_text import csv_text
from overthink.report.grids import Grid
from overthink.report.undetermined import ND, explained, says_nothing
from overthink.sentences import listed, number_of
from overthink.statistics.jackknife import Interval

NONE = "-"
LABELS = "†"
APART = "*"
RANGES = {"saved": (-inf, 1.0), **dict.fromkeys(("saved_change", "difference", "risk"), (-1.0, 1.0))}
"""What numbers other than rates can be."""


def accuracy_grid(found: SideBySide) -> Grid:
    """Return the accuracy of every policy at every budget, its area, and the difference of that to the baseline."""
    shares = [at.budget for at in found.rows[0].at] if found.rows else []
    compared = any(row.against for row in found.rows)
    rows = []
    for row in found.rows:
        cells = [row.name + (LABELS if row.uses_labels else ""), *(_cell(at.accuracy) for at in row.at)]
        cells.append(_cell(row.area))
        if compared:
            cells.append(_difference(row))
        rows.append(cells)
    titles = ["Policy", *(f"{100 * share:g}%" for share in shares), "Area", *(["Δ area"] if compared else [])]
    return explained(Grid(titles, rows, _accuracy_caption(found)))


def overthinking_grid(found: SideBySide, share: float) -> Grid:
    """Return what policies save without loss, and what they avoid and cause at one budget; references only there."""
    titles = ("Policy", "Saved", "Accuracy lost", "Avoided", "Too early", "Caused", "Not monotone")
    rows = [_overthinking_cells(row, share) for row in found.rows]
    return explained(Grid(titles, rows, _overthinking_caption(share)))


def _overthinking_cells(row: Row, share: float) -> list[str]:
    at = next(at for at in row.at if at.budget == share)
    lost = row.saved_change
    return [
        row.name + (LABELS if row.uses_labels else ""),
        _cell(row.saved, digits=0),
        _cell(None if lost is None else _negative(lost), span=2),
        *map(_cell, (at.avoided, at.too_early, at.overthought, row.anytime)),
    ]


def _negative(of: Interval) -> Interval:
    low, high = (None if end is None else -end for end in (of.high, of.low))
    return Interval(0.0 - of.value, low, high)


def _cell(of: Interval | None, digits: int = 1, span: float = 1) -> str:
    """Return percent and the longer side of the interval: `64.0±2.7`; `11 n.d.` where that is as wide as the range."""
    if of is None or isnan(of.value):
        return NONE
    text = f"{100 * of.value:.{digits}f}"
    text = text.removeprefix("-") if float(text) == 0 else text
    return text + _side(of, digits, span)


def _side(of: Interval, digits: int, span: float) -> str:
    if of.low is None or of.high is None:
        return ""
    if says_nothing(of.low, of.high, span):
        return f" {ND}"
    return f"±{100 * max(of.high - of.value, of.value - of.low):.{digits}f}"


def _difference(row: Row) -> str:
    if row.against is None:
        return NONE
    text = f"{100 * row.against.difference.value:+.2f}" + _side(row.against.difference, digits=2, span=2)
    return text + (APART if row.against.told_apart else "")


def _accuracy_caption(found: SideBySide) -> str:
    kinds = "new seeds and new test samples" if found.n_runs > 1 else "new test samples"
    sentences = [
        f"Percent of {found.n_samples:,} test samples that are right, for budgets in percent of the last exit's cost; "
        f"{_runs(found.n_runs)}; ± to the farther end of the 95% interval for {kinds}.",
        f"Everything is fitted on validation data ({found.n_validation:,} samples in the first run), where the mean "
        "cost, the policy's own included, is within the budget.",
        "Area: mean accuracy over costs from exit 1's to the last exit's, each spent exactly on test data.",
        f"The last exit alone: {_cell(found.last)}.",
    ]
    if any(row.against for row in found.rows):
        tests = sum(row.against is not None and row.against.p is not None for row in found.rows)
        tested = (
            f"; p: paired t-test over seeds, corrected for {number_of(tests, 'comparison')} (Holm)" if tests else ""
        )
        sentences.append(f"Δ area: to {found.baseline}, paired by seed and sample{tested}.")
    if any(row.against and row.against.told_apart for row in found.rows):
        sentences.append(f"{APART} different: the interval excludes 0, and p is at most 0.05.")
    if any(row.uses_labels for row in found.rows):
        sentences.append(f"{LABELS} knows labels of test data.")
    return " ".join(sentences)


def _runs(n: int) -> str:
    return "one run" if n == 1 else f"mean of {n} runs"


def _overthinking_caption(share: float) -> str:
    return (
        "Percent. Saved: of the last exit's cost, where validation accuracy is at least the last exit's; accuracy "
        f"lost: there, on test data. At a budget of {100 * share:g}%, of test samples: avoided: the last exit is wrong "
        "and the answer right; too early: the other way round; caused: an exit that was passed is right and the answer "
        "wrong. Not monotone: at any budget an answer is right and a later one wrong."
    )


def promises_grid(kept: Sequence[Kept]) -> Grid:
    """Return what is certified for a risk, the same for all, and how often the promise is broken."""
    risk, confidence = kept[0].promised, kept[0].confidence
    titles = ("Method", "Promise of", "Threshold", "Saved", "Loss", "Broken", "Clearly broken", "Mean loss")
    rows = [
        [
            *(one.title, one.of, f"{one.threshold:g}", _cell(one.saved, digits=0), _cell(one.risk, digits=2)),
            *(f"{100 * one.broken:.1f}", f"{100 * one.clearly_broken:.1f}", f"{100 * one.mean_risk:.2f}"),
        ]
        for one in kept
    ]
    caption = (
        f"Percent. Promised: a loss of at most {100 * risk:g}%, with a chance of {100 * confidence:g}% over draws of "
        "validation samples (of conformal risk control: on average over draws). Loss: accuracy below the last exit's, "
        "or samples answered otherwise; saved: of the last exit's cost; both on test data. Broken: share of new splits "
        "of validation and test samples whose test loss is higher; clearly: by more than two of its standard errors."
    )
    return explained(Grid(titles, rows, caption, words=2))


def promise_as_plain(kept: Kept) -> dict[str, Any]:
    """Return it as JSON types."""
    return kept._asdict() | {name: _plain(kept, name) for name in ("risk", "saved")}


FORESIGHT = {
    "auroc_E": "Failure of an exit: chance in percent that a right answer is more confident than a wrong one (AUROC).",
    "excess_E": "Failure of an exit: area under the risk-coverage curve above the least possible one, times 100.",
    "overthinking_E": "Overthinking to come: of samples that an exit gets right, chance in percent that one that stays "
    "right is more confident than one that a later exit gets wrong (50: confidence says nothing).",
    "calibration_E": "Expected calibration error, percent.",
}


def foresight_grids(found: Sequence[Foresight]) -> list[Grid]:
    """Return a table of each statistic: a row a confidence, a column an exit."""
    grids = []
    for name, caption in FORESIGHT.items():
        rows = [
            [one.measure, *(NONE if isnan(value) else f"{100 * value:.2f}" for value in values)]
            for one in found
            if (values := getattr(one, name)) is not None
        ]
        if rows:
            grids.append(Grid(["Confidence", *(f"Exit {number}" for number in range(1, len(rows[0])))], rows, caption))
    return grids


def foresight_as_plain(of: Foresight) -> dict[str, Any]:
    """Return it as JSON types, null for what is not a number."""
    values = of._asdict()
    numbers = {name: values.pop(name) for name in FORESIGHT}
    plain = {
        name: None if found is None else [None if isnan(value) else value for value in found.tolist()]
        for name, found in numbers.items()
    }
    return values | plain


def verdict(found: SideBySide) -> list[str]:
    """Return in sentences which policy has the largest area, and which differ from the baseline."""
    ranked = sorted(
        (row for row in found.rows if row.area is not None and not row.uses_labels),
        key=lambda row: -row.area.value if row.area else 0.0,
    )
    if not ranked:
        return []
    best = ranked[0]
    assert best.area is not None
    said = [f"Largest area: {best.name}, {100 * best.area.value:.2f}."]
    others = [row for row in ranked if row.against is not None]
    for what, those in (
        ("Better than", [row.name for row in others if row.against and row.against.told_apart and _above(row)]),
        ("Worse than", [row.name for row in others if row.against and row.against.told_apart and not _above(row)]),
        ("No difference shown to", [row.name for row in others if row.against and not row.against.told_apart]),
    ):
        if those:
            said.append(f"{what} {found.baseline}: {listed(those, most=40)}.")
    return said


def _above(row: Row) -> bool:
    return row.against is not None and row.against.difference.value > 0


def as_plain(found: SideBySide) -> dict[str, Any]:
    """Return everything as JSON types; fractions with all digits, null for what is not a number."""
    head = found._asdict() | {"rows": [_plain_row(row) for row in found.rows], "last": _plain(found, "last")}
    return head | {"problems": list(found.problems), "verdict": verdict(found)}


def _plain_row(row: Row) -> dict[str, Any]:
    against = row.against
    return row._asdict() | {
        "at": [_plain_at(at) for at in row.at],
        **{name: _plain(row, name) for name in ("area", "saved", "saved_change", "anytime")},
        "curve": [list(point) for point in row.curve],
        "against": None
        if against is None
        else {"difference": _plain(against, "difference"), "p": against.p, "told_apart": against.told_apart},
    }


def _plain_at(at: AtBudget) -> dict[str, Any]:
    intervals = {name: _plain(at, name) for name in ("accuracy", "avoided", "too_early", "overthought")}
    return at._asdict() | intervals | {"cost": None if isnan(at.cost) else at.cost}


def _plain(part: object, name: str) -> dict[str, float | None] | None:
    found = _possible(part, name)
    return None if found is None else found._asdict()


def _possible(part: object, name: str) -> Interval | None:
    """Return an interval of a part of the results, cut to what its number can be; None where it is not known."""
    found: Interval | None = getattr(part, name)
    return None if found is None or isnan(found.value) else found.within(*RANGES.get(name, (0.0, 1.0)))


def as_csv(groups: Sequence[tuple[str, SideBySide]]) -> str:
    """Return a line for each group, policy and budget, as fractions."""
    names = ("accuracy", "avoided", "too_early", "overthought")
    of_row = ("area", "saved", "saved_change", "anytime")
    ends = ("", "_low", "_high")
    columns = [f"{name}{end}" for name in (*names, *of_row) for end in ends]
    lines: list[list[Any]] = []
    for group, found in groups:
        for row in found.rows:
            for at in row.at:
                intervals = [_possible(at, name) for name in names] + [_possible(row, name) for name in of_row]
                values = [value for one in intervals for value in _ends(one)]
                lines.append([group, row.name, row.uses_labels, at.budget, _number(at.cost), *values])
    return csv_text(["group", "policy", "uses_labels", "budget", "cost", *columns], lines).rstrip("\n")


def _ends(of: Interval | None) -> list[float | str]:
    return ["", "", ""] if of is None else [_number(value) for value in of]


def _number(value: float | None) -> float | str:
    return "" if value is None or isnan(value) else value
