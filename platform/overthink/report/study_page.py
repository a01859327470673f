"""The page of a study: its verdict in words, its tables, its figures, and samples overthought often and never."""

from collections.abc import Mapping, Sequence

from overthink.report.figures.study import (
    draw_churn,
    draw_deviations,
    draw_prediction_depth,
    draw_sample_shares,
    draw_times_overthought,
    draw_within_and_across,
)
from overthink.report.grids import as_html
from overthink.report.pages import Captioned, Section, document
from overthink.report.source_page import source_sections
from overthink.report.study_table import arms_grid, exits_grid, ties_grid
from overthink.study.findings import Findings
from overthink.study.sources import SourceShares
from overthink.study.verdict import primary_arm_of, verdict

Pictures = Sequence[tuple[str, bytes]]
"""Captions and PNG files."""


def study_page(
    title: str, arms: Mapping[str, Findings], shares: SourceShares | None = None, pictures: Pictures = ()
) -> str:
    """Return the page."""
    return document(title, study_sections(arms, shares, pictures))


def study_sections(
    arms: Mapping[str, Findings], shares: SourceShares | None = None, pictures: Pictures = ()
) -> list[Section]:
    """Return the sections of the page."""
    whole = primary_arm_of(arms)
    answer = Section("Is overthinking due to the randomness of training?", paragraphs=verdict(arms, shares))
    if whole is None:
        return [answer, Section("Numbers", tables=[as_html(arms_grid(arms))])]
    found = arms[whole]
    grids = (arms_grid(arms), ties_grid(found), exits_grid(found))
    tables = [as_html(grid) for grid in grids if grid.rows]
    return [
        answer,
        Section("Numbers", [f"The tables after the first are of arm {whole}."], tables=tables),
        *source_sections(shares),
        Section("Figures", figures=study_figures(arms, whole)),
        *([Section("Samples overthought most often, and never", pictures=pictures)] if pictures else []),
    ]


def study_figures(arms: Mapping[str, Findings], whole: str) -> list[Captioned]:
    """Return the figures of a study; `whole` names the arm in which most varies."""
    found = arms[whole]
    moving = {name: one for name, one in arms.items() if not one.same}
    figures = [
        Captioned(
            "Standard deviation of overthinking from training to training, by source of randomness",
            draw_deviations(moving),
        ),
        Captioned("How often two trainings answer differently; dashed: error", draw_churn(moving, whole)),
    ]
    if found.final_coupling is not None:
        caption = (
            f"Last exit wrong where an earlier one is right: within one network, and across networks (arm {whole})"
        )
        figures.append(Captioned(caption, draw_within_and_across(found)))
    figures += [
        Captioned(
            f"How many of {found.repeats} trainings overthink a sample (any later, arm {whole})",
            draw_times_overthought(found),
        ),
        Captioned("The sample's share of the variance of overthinking (any later)", draw_sample_shares(moving)),
        Captioned(
            f"Prediction depth: the exit from which on the answer stays the same (arm {whole})",
            draw_prediction_depth(found),
        ),
    ]
    return figures
