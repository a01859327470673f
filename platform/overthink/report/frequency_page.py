"""The page of frequencies: the coefficients that the images of each exit's samples need (thesis figures A.3 to A.5)."""

from overthink.inference.frequency import ByExit
from overthink.report.figures.frequency import draw_frequencies
from overthink.report.pages import Captioned, page
from overthink.running.frequencies import FrequencyMeasure


def frequency_page(title: str, measure: FrequencyMeasure, info: ByExit) -> str:
    """Return the page of one run."""
    return page(title, f"Coefficients needed for {measure}. {measure.note} {verdict(info)}", _figures(measure, info))


def _figures(measure: FrequencyMeasure, info: ByExit) -> list[Captioned]:
    axis = f"{measure.coefficients} coefficients needed (% of all)"
    first_right = draw_frequencies(axis, info.first_right_E, info.never_right)
    return [
        Captioned("Samples that an exit gets right (sets that overlap)", draw_frequencies(axis, info.right_E)),
        Captioned("Samples that an exit is the first to get right", first_right),
    ]


def verdict(info: ByExit) -> str:
    """Return a sentence on whether exits differ, and by how much."""
    known = [(number, delta) for number, delta in enumerate(info.delta_E, 1) if number > 1 and delta is not None]
    if info.p is None or not known:
        return "There are too few samples to compare exits."
    number, delta = max(known, key=lambda entry: abs(entry[1]))
    size = next(word for least, word in SIZES if abs(delta) >= least)
    outcome = "do not differ significantly" if info.p >= 0.05 else "differ"
    return (
        f"The samples that each exit is the first to get right {outcome} between exits "
        f"(Kruskal-Wallis p = {info.p:.2g}); "
        f"the largest difference is that of exit {number} to exit 1, Cliff's delta {delta:+.2f}, {size}."
    )


SIZES = ((0.474, "large"), (0.33, "medium"), (0.147, "small"), (0.0, "negligible"))
"""Of Cliff's delta, by the usual thresholds (Romano et al. 2006)."""
