"""One page of exit policies: a figure and two tables for each group."""

from collections.abc import Sequence

from overthink.report import grids
from overthink.report.exit_policies import GroupPolicies
from overthink.report.exit_policy_table import (
    accuracy_grid,
    foresight_grids,
    overthinking_grid,
    promises_grid,
)
from overthink.report.figures.exit_policies import draw_policy_lines, policy_lines
from overthink.report.pages import Captioned, Section, document

DASHED = (
    "Coloured: the six largest areas; black: the policy that others are compared with; dotted: one exit for all, and "
    "exits by chance; dashed: what knows labels of test data. Each cost is spent exactly, by a draw between two points."
)


def exit_policy_page(groups: Sequence[GroupPolicies], share: float) -> str:
    """Return the page; `share` is the budget of the second table."""
    sections = []
    for one in groups:
        if one.found is not None:
            figure = Captioned("Accuracy against cost", draw_policy_lines(policy_lines(one.found)), wide=True)
            shown = [accuracy_grid(one.found), overthinking_grid(one.found, share), *foresight_grids(one.foresight)]
            shown += [promises_grid(one.promises)] if one.promises else []
            tables = [grids.as_html(grid) for grid in shown]
            paragraphs = [*one.sentences, DASHED, *one.problems, *one.found.problems]
            runs = f"Runs: {' '.join(one.run_ids)}"
            sections.append(Section(one.heading, [*paragraphs, runs], tables=tables, figures=[figure]))
    return document("Exit policies", sections)
