"""The section of a study's page on forks: when it is decided which samples are overthought."""

from collections.abc import Mapping

from overthink.report.figures.forks import draw_forks
from overthink.report.fork_table import fork_grids
from overthink.report.grids import as_html
from overthink.report.pages import Captioned, Section
from overthink.study.fork_sentences import fork_sentences
from overthink.study.forks import ForkArm

CAPTION = "What two trainings differ in, by the epochs that they share; dashed: independent trainings"


def fork_sections(arms: Mapping[str, ForkArm]) -> list[Section]:
    """Return the section, or none without forks."""
    if not arms:
        return []
    figures = [Captioned(f"{CAPTION} (arm {name})", draw_forks(arm), wide=True) for name, arm in arms.items()]
    tables = [as_html(grid) for grid in fork_grids(arms)]
    return [Section("When is it decided?", fork_sentences(arms), tables=tables, figures=figures)]
