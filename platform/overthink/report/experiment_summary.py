"""What the page of an experiment opens with: three sentences, and its groups in one plot each of two things."""

from collections.abc import Sequence

from overthink.comparison.overthinking import Row
from overthink.report.figures.groups import ASIDE
from overthink.report.figures.groups_page import draw_groups
from overthink.report.group_overlays import legend_names, overlay_of
from overthink.report.pages import Captioned, Section
from overthink.sentences import number_of
from overthink.statistics.estimate import Estimate
from overthink.statistics.jackknife import Interval
from overthink.statistics.wording import percent
from overthink.store.readable_store import ReadableStore
from overthink.store.stored import StoredRun
from overthink.untrusted import reason

SHOWN = ("accuracy", "overthinking")
"""Overlays, in this order."""
MOST_GROUPS = 8
"""Of one plot: more hide each other."""
LAST, ANY_LATER, FINAL = "test/accuracy/last", "test/overthinking/any_later", "test/overthinking/final"


def experiment_summary(
    store: ReadableStore, heading: str, rows: Sequence[Row], runs: Sequence[StoredRun], problems: list[str]
) -> Section:
    """Return the first section about multi-exit networks; what cannot be read is added to `problems`."""
    finished = [row for row in rows if row.finished]
    figures, bars = [], ""
    for kind in SHOWN if finished else ():
        try:
            found = overlay_of(store, kind, finished[:MOST_GROUPS], runs)
        except ValueError as error:
            problems.append(f"{heading}: {reason(error)}")
            continue
        problems += found.problems
        if found.info is not None:
            figures.append(Captioned(found.info.caption, draw_groups(found.info)))
            if found.info.has_intervals:
                bars = f"Bars: 95% intervals of the mean for {found.info.holds_for}. {ASIDE}"
    paragraphs = [summary(rows)]
    if figures:
        first = f"The first {MOST_GROUPS} of {len(finished)} groups. " if len(finished) > MOST_GROUPS else ""
        paragraphs.append(f"{first}{bars}")
    return Section(heading, list(filter(None, paragraphs)), figures=figures)


def summary(rows: Sequence[Row]) -> str:
    """Return three sentences: what was run, how accurate last exits are, and how much networks overthink.

    A run counts once, though several arms of a study have it.
    """
    runs = len({run_id for row in rows for run_id in (*row.run_ids, *row.repeats.values())})
    missing = len({(gap.whole_group, gap.seed) for row in rows for gap in row.gaps})
    datasets = " and ".join(dict.fromkeys(row.dataset for row in rows))
    groups = len({group for row in rows for group in row.whole_groups})
    arms = f" ({len(rows)} arms)" if len(rows) > groups else ""
    counts = f"{number_of(runs, 'finished run')} of {number_of(groups, 'group')}{arms}"
    without = f", {missing} more missing or unfinished" if missing else ""
    sentences = [f"{counts} on {datasets}{without}."]
    if accuracy := _range(rows, LAST):
        sentences.append(f"Accuracy of the last exit {accuracy}.")
    both = [(name, _range(rows, metric)) for name, metric in (("any-later", ANY_LATER), ("final", FINAL))]
    if rates := "; ".join(f"{name} overthinking {found}" for name, found in both if found):
        sentences.append(f"{rates[0].upper()}{rates[1:]}.")
    return " ".join(sentences)


def _range(rows: Sequence[Row], metric: str) -> str:
    """Return the lowest and the highest mean of groups with their intervals, and whether these overlap."""
    names = legend_names(rows)
    known = [(row.estimates[metric], name) for row, name in zip(rows, names, strict=True) if metric in row.estimates]
    if not known:
        return ""
    (least, of_least), (most, of_most) = (pick(known, key=lambda pair: pair[0].mean) for pick in (min, max))
    if least.mean == most.mean:
        return f"is {_percent(least)}"
    overlap = ""
    if least.high is not None and most.low is not None:
        overlap = f", with intervals that {'overlap' if least.high >= most.low else 'do not overlap'}"
    return f"goes from {_percent(least)} ({of_least}) to {_percent(most)} ({of_most}){overlap}"


def _percent(found: Estimate) -> str:
    return percent(Interval(found.mean, found.low, found.high))
