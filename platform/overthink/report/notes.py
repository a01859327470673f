"""The Markdown descriptions that MLflow shows beside a run and a group."""

from collections.abc import Mapping, Sequence

from overthink.comparison.estimate import estimate
from overthink.report.tables import TITLES, estimate_lines
from overthink.tracking.stored import StoredRun


def run_note(metrics: Mapping[str, float], mul_adds: Sequence[int], parent_run_id: str = "") -> str:
    """Return a run's description: how much the network overthinks, a row an exit, and who trained its first phases."""
    any_later, final = metrics["test/overthinking/any_later"], metrics["test/overthinking/final"]
    lines = [
        f"**{100 * any_later:.2f}% overthinking** on test data (any later: an exit is right and a later one wrong, "
        f"thesis eq. 3.11; final: an exit is right and the last one wrong, {100 * final:.2f}%). The last exit reaches "
        f"{100 * metrics['test/accuracy/last']:.2f}%, an oracle {100 * metrics['test/oracle/accuracy']:.2f}%.",
        "",
        "| exit | MUL-ADDs | validation accuracy | test accuracy |",
        "|--:|--:|--:|--:|",
    ]
    for number, cost in enumerate(mul_adds, start=1):
        val, test = (metrics[f"{split}/accuracy/exit_{number}"] for split in ("val", "test"))
        lines.append(f"| {number} | {cost / 1e6:.2f} M | {100 * val:.2f}% | {100 * test:.2f}% |")
    if parent_run_id:
        lines += ["", f"Its first phases were trained in run `{parent_run_id}`."]
    return "\n".join(lines)


def group_note(runs: Sequence[StoredRun]) -> str:
    """Return a group's description: its numbers over seeds, mean and standard deviation with an interval."""
    lines = ["| on test data, % | mean ± std | 95% interval over seeds |", "|---|--:|--:|"]
    for metric, title in TITLES.items():
        values = [run.metrics[metric] for run in runs if metric in run.metrics]
        if values:
            said = (*estimate_lines(estimate(values)), "-")
            lines.append(f"| {title} | {said[0]} | {said[1]} |")
    seeds = ", ".join(sorted(run.tags.get("overthink.seeds", "?") for run in runs))
    return "\n".join(
        [
            *lines,
            "",
            f"n = {len(runs)} finished runs (seeds {seeds}). Curves and figures: see the child runs.",
        ]
    )
