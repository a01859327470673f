"""The section of a study's page on sources of randomness."""

from overthink.report.figures.source_shares import draw_source_shares, share_series
from overthink.report.grids import as_html
from overthink.report.pages import Captioned, Section
from overthink.report.source_table import source_grids
from overthink.study.sources import SourceShares

CAPTION = "Part of each source of randomness in the variance of overthinking (any later), with 95% intervals"


def source_sections(shares: SourceShares | None) -> list[Section]:
    """Return the section, or none for a group without shares."""
    grids = source_grids(shares)
    if shares is None or not grids:
        return []
    figures = [Captioned(CAPTION, draw_source_shares(shares), wide=True)] if share_series(shares) else []
    return [Section("Sources of randomness", tables=[as_html(grid) for grid in grids], figures=figures)]
