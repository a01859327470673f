"""The Markdown descriptions that MLflow shows beside a run and a group."""

import re
from collections.abc import Mapping, Sequence
from itertools import zip_longest

from overthink.comparison.kernels import computed_by, different_kernels
from overthink.comparison.observations import held_fixed
from overthink.comparison.ranges import metric_estimate
from overthink.definition.run_definition import PolicySpec
from overthink.policy.verdict import sentence
from overthink.predictions.absent import CostUnit, cost_cell
from overthink.report.averages import estimate_lines, in_words
from overthink.report.tables import TITLES
from overthink.report.undetermined import ND, SENTENCE, meanings_of
from overthink.sentences import number_of
from overthink.store.page_links import with_pages_of
from overthink.store.stored import StoredRun
from overthink.store.view import FIGURES, run_link

_TRIAL_LINK = re.compile(r"\s*\[This trial in optuna-dashboard\]\([^)]*\)")
OTHER_INTERVALS = "those of `overthink compare` are for new test samples, too, by another formula, and differ."
MOST_LINKS = 40
"""Runs of a group that its description links to; MLflow keeps 8000 characters."""


def run_note(
    metrics: Mapping[str, float],
    costs: Sequence[float | None],
    unit: CostUnit = "MUL-ADDs",
    parameters: Sequence[int] = (),
) -> str:
    """Return a run's description: how much the network overthinks, and a table of its exits; `-`: not known."""
    any_later, final = metrics["test/overthinking/any_later"], metrics["test/overthinking/final"]
    lines = [
        f"**{100 * any_later:.2f}% overthinking** on test data (any later: an exit is right and a later one wrong, "
        f"thesis eq. 3.11; final: an exit is right and the last one wrong, {100 * final:.2f}%). The last exit reaches "
        f"{100 * metrics['test/accuracy/last']:.2f}%, an oracle {100 * metrics['test/oracle/accuracy']:.2f}%.",
        "",
        f"| exit | {unit if unit != 'relative' else 'cost'} | parameters | validation accuracy | test accuracy |",
        "|--:|--:|--:|--:|--:|",
    ]
    for number, (cost, count) in enumerate(zip_longest(costs, parameters), start=1):
        shown = "-" if cost is None else cost_cell(cost, unit)
        found = [metrics.get(f"{split}/accuracy/exit_{number}") for split in ("val", "test")]
        val, test = ("-" if accuracy is None else f"{100 * accuracy:.2f}%" for accuracy in found)
        size = "-" if count is None else f"{count:,}"
        lines.append(f"| {number} | {shown} | {size} | {val} | {test} |")
    return "\n".join(lines)


def policy_note(metrics: Mapping[str, float], policy: PolicySpec, epochs: int) -> str:
    """Return the description of a policy network's run: the verdict, the labels, and the routed main network."""
    shares = " / ".join(f"{100 * metrics.get(f'policy/label_share/exit_{exit}', 0):.0f}%" for exit in policy.exits)
    routed = (
        f"{100 * metrics['policy/routed/accuracy']:.2f}% for {metrics['policy/routed/mul_adds'] / 1e6:.2f} M MUL-ADDs"
    )
    often = " in enough of the trainings" if policy.labels.averaged_over else ""
    own = (metrics["policy/routed/mul_adds_with_policy"] - metrics["policy/routed/mul_adds"]) / 1e6
    return "\n\n".join(
        [
            f"**{sentence(metrics, len(policy.exits))}**",
            f"Labels ({policy.labels.label}) of exits {', '.join(map(str, policy.exits))}: {shares} of the test set; "
            f"{100 * metrics['policy/left_out']:.1f}% of the samples have none, since no competing exit is "
            f"right{often}. {epochs} epochs.",
            f"With the exits that it chooses, the main network reaches {routed} per sample; the policy network itself "
            f"costs another {own:.2f} M.",
        ]
    )


def group_note(runs: Sequence[StoredRun], titles: Mapping[str, str] = TITLES, arm: str | None = None) -> str:
    """Return a group's description: its numbers over seeds, mean and standard deviation with an interval.

    `arm` names the arm of a study that the runs are of.
    """
    lines = ["| on test data, % | mean ± std | 95% interval over seeds |", "|---|--:|--:|"]
    for metric, title in titles.items():
        values = [run.metrics[metric] for run in runs if metric in run.metrics]
        if values:
            cells = (*estimate_lines(metric_estimate(metric, values)), "-")
            lines.append(f"| {title} | {cells[0]} | {cells[1]} |")
    by_seed = sorted(runs, key=lambda run: run.seeds_label)
    seeds = ", ".join(_linked(run) if place < MOST_LINKS else run.seeds_label for place, run in enumerate(by_seed))
    figures = run_link(runs[0].experiment_id, runs[0].group_id, FIGURES)
    several = len(runs) > 1
    of_arm = f" of arm {arm}" if arm else ""
    fixed = held_fixed(runs)
    holds = f" Held fixed, so not covered by the intervals: {in_words(fixed)}." if fixed else ""
    other = f" Intervals are over seeds alone; {OTHER_INTERVALS}" if several else ""
    mixed = different_kernels("this group", computed_by(runs))
    return "\n".join(
        [
            *lines,
            *(["", *said] if (said := meanings_of([lines], {ND: SENTENCE})) else []),
            *(["", mixed] if mixed else []),
            "",
            f"n = {number_of(len(runs), 'finished run')}{of_arm} (seed{'s' * several} {seeds}).{other}{holds} "
            f"[Figures]({figures}){' of all of them; each run also has its own' * several}.",
        ]
    )


def with_trial_link(note: str, address: str) -> str:
    """Return a description with the address of its trial in optuna-dashboard, instead of an earlier one."""
    return f"{_TRIAL_LINK.sub('', note)}\n\n[This trial in optuna-dashboard]({address})".lstrip()


def with_links_of(earlier: str, note: str) -> str:
    """Return a description with the links to a trial, and to pages, that an earlier description has."""
    found = _TRIAL_LINK.search(earlier)
    with_trial = note if found is None else f"{note}\n\n{found[0].lstrip()}"
    return with_pages_of(earlier, with_trial)


def _linked(run: StoredRun) -> str:
    return f"[{run.seeds_label or '?'}]({run_link(run.experiment_id, run.run_id)})"
