"""The page of a study: its verdict in words, its tables, its figures, and samples overthought often and never."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from overthink.report.figures.study import (
    draw_churn,
    draw_deviations,
    draw_prediction_depth,
    draw_times_overthought,
    draw_within_and_across,
)
from overthink.report.figures.study_answers import (
    draw_ensemble_curves,
    draw_gains,
    draw_independent_samples,
    draw_oracle_transfer,
    draw_shares,
)
from overthink.report.fork_page import fork_sections
from overthink.report.grids import as_html
from overthink.report.pages import Captioned, Section, document
from overthink.report.source_page import source_sections
from overthink.report.study_table import arms_grid, exits_grid, ties_grid
from overthink.study.findings import Findings
from overthink.study.forks import ForkArm
from overthink.study.sources import SourceShares
from overthink.study.verdict import primary_arm_of, verdict

Pictures = Sequence[tuple[str, bytes]]
"""Captions and PNG files."""


def study_page(
    title: str,
    arms: Mapping[str, Findings],
    shares: SourceShares | None = None,
    pictures: Pictures = (),
    warning: str = "",
    forks: Mapping[str, ForkArm] = MappingProxyType({}),
) -> str:
    """Return the page; a `warning` stands below the answer."""
    return document(title, study_sections(arms, shares, pictures, warning, forks))


def study_sections(
    arms: Mapping[str, Findings],
    shares: SourceShares | None = None,
    pictures: Pictures = (),
    warning: str = "",
    forks: Mapping[str, ForkArm] = MappingProxyType({}),
) -> list[Section]:
    """Return the sections of the page: the answer and its figure first."""
    question = "Is overthinking due to the randomness of training?"
    answer, *details = verdict(arms, shares)
    first = list(filter(None, (answer, warning)))
    whole = primary_arm_of(arms)
    if whole is None or arms[whole].has_one_exit:
        return [
            Section(question, first),
            *fork_sections(forks),
            Section("Numbers", tables=[as_html(arms_grid(arms))]),
        ]
    found = arms[whole]
    grids = (arms_grid(arms), ties_grid(found), exits_grid(found))
    tables = [as_html(grid) for grid in grids if grid.rows]
    return [
        Section(question, first, figures=_ensemble_figure(whole, found)),
        Section("In detail", details),
        *fork_sections(forks),
        *source_sections(shares),
        Section("Figures", figures=study_figures(arms, whole)),
        Section("Numbers", [f"The tables after the first are of arm {whole}."], tables=tables),
        *([Section("Samples overthought most often, and never", pictures=pictures)] if pictures else []),
    ]


def _ensemble_figure(whole: str, found: Findings) -> list[Captioned]:
    if found.ensembles is None:
        return []
    votes = "" if found.ensembles.from_logits else "; the runs store no logits, so confidences in answers are averaged"
    caption = f"Overthinking of ensembles: the softmax of so many trainings averaged (arm {whole}{votes})"
    return [Captioned(caption, draw_ensemble_curves(found.ensembles), wide=True)]


def _oracle_figure(whole: str, found: Findings) -> Captioned:
    known = any(at.confidence is not None for at in found.oracle_transfer.curve)
    without = "" if known else "; not by confidence, since runs have stored no validation predictions"
    caption = f"An oracle's exits in its own training and taken over to another one (arm {whole}{without})"
    return Captioned(caption, draw_oracle_transfer(found.oracle_transfer))


def study_figures(arms: Mapping[str, Findings], whole: str) -> list[Captioned]:
    """Return the other figures of a study; `whole` names the arm in which most varies."""
    found = arms[whole]
    moving = {name: one for name, one in arms.items() if not one.same}
    figures = [
        *([_oracle_figure(whole, found)] if found.oracle_transfer.curve else []),
        Captioned(f"What leaving the last exit gains, by who chooses the exit (arm {whole})", draw_gains(found)),
        Captioned(
            f"The sample's share of the variance, beside its benchmarks (arm {whole})",
            draw_shares(found),
        ),
        Captioned(
            f"Do some trainings overthink more on the whole? Dashed: no (arm {whole})",
            draw_independent_samples(found),
        ),
    ]
    if found.churn_E:
        figures.append(
            Captioned("How often two trainings answer differently; dashed: error", draw_churn(moving, whole))
        )
    if len(moving) > 1:
        caption = "Standard deviation of overthinking from training to training, by source of randomness"
        figures.append(Captioned(caption, draw_deviations(moving)))
    if found.final_coupling is not None:
        caption = (
            f"Last exit wrong where an earlier one is right: within one network, and across networks (arm {whole})"
        )
        figures.append(Captioned(caption, draw_within_and_across(found)))
    return [
        *figures,
        Captioned(
            f"How many of {found.repeats} trainings overthink a sample (any later, arm {whole})",
            draw_times_overthought(found),
        ),
        *(
            []
            if found.depth_RE is None
            else [
                Captioned(
                    f"Prediction depth: the exit from which on the answer stays the same (arm {whole})",
                    draw_prediction_depth(found.depth_RE),
                )
            ]
        ),
    ]
