"""The page of a study: its verdict in words, its tables, its figures, and samples at the ends."""

from collections.abc import Mapping, Sequence

from overthink.report.grids import as_html
from overthink.report.pages import Section, document
from overthink.report.study_drawing import study_figures
from overthink.report.study_table import arms_grid, exits_grid, ties_grid
from overthink.study.findings import Findings
from overthink.study.verdict import primary_arm_of, verdict

Pictures = Sequence[tuple[str, bytes]]
"""Captions and PNG files."""


def study_page(title: str, arms: Mapping[str, Findings], pictures: Pictures = ()) -> str:
    """Return the page."""
    return document(title, study_sections(arms, pictures))


def study_sections(arms: Mapping[str, Findings], pictures: Pictures = ()) -> list[Section]:
    """Return the sections of the page."""
    whole = primary_arm_of(arms)
    said = Section("Is overthinking the training's own randomness?", paragraphs=verdict(arms))
    if whole is None:
        return [said, Section("Numbers", tables=[as_html(arms_grid(arms))])]
    found = arms[whole]
    grids = (arms_grid(arms), ties_grid(found), exits_grid(found))
    tables = [as_html(grid) for grid in grids if grid.rows]
    return [
        said,
        Section("Numbers", [f"What comes after the first table is of arm {whole}."], tables=tables),
        Section("Figures", figures=study_figures(arms, whole)),
        *([Section("Samples at the ends", pictures=pictures)] if pictures else []),
    ]
