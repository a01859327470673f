"""The page of the dynamics of trainings: its sentences, its figures, its tables."""

from overthink.dynamics.findings import Dynamics
from overthink.dynamics.verdict import verdict
from overthink.report.dynamics import GroupDynamics
from overthink.report.dynamics_table import grids, intervals_sentence
from overthink.report.figures.dynamics import (
    draw_accuracies,
    draw_births,
    draw_disorder,
    draw_order,
    draw_overthinking,
)
from overthink.report.grids import as_html
from overthink.report.pages import Captioned, Section, document

READING = "Evaluations are for looking at: nothing of a training was chosen by them."


def dynamics_page(one: GroupDynamics, found: Dynamics) -> str:
    """Return the page of a group, or of a single run."""
    runs = "Runs: " + " ".join(run.run_id[:8] for run in one.runs) + "."
    return document(
        one.name,
        [
            Section("When is overthinking decided?", verdict(found), figures=_over_time(found)),
            Section("In which order are samples learned?", figures=_orders(found)),
            Section(
                "Numbers",
                [f"{intervals_sentence(found, one.fixed)} {READING} {runs}", *one.problems],
                tables=[as_html(grid) for grid in grids(found)],
            ),
        ],
    )


def _over_time(found: Dynamics) -> list[Captioned]:
    return [
        Captioned("Overthinking over the training", draw_overthinking(found)),
        Captioned("When the overthinking of the end is born, and how much of it stays", draw_births(found)),
        Captioned("Accuracy of each exit", draw_accuracies(found)),
    ]


def _orders(found: Dynamics) -> list[Captioned]:
    order, figures = found.order, []
    if order is not None:
        caption = "Correlation of the learning order of two exits of one network, in hundredths"
        figures.append(Captioned(caption, draw_order(order.within_EE, "exit", "exit")))
        if order.across_EE is not None:
            caption = "The same of exits of two trainings, in hundredths: the null"
            across = draw_order(order.across_EE, "exit of one training", "exit of another")
            figures.append(Captioned(caption, across))
    if found.disorder is not None:
        caption = "Overthinking by how far exits and trainings differ in when they learn a sample (thirds, %)"
        figures.append(Captioned(caption, draw_disorder(found.disorder)))
    return figures
