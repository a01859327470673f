"""The table of policy networks: their labels, accuracy, baselines and verdicts."""

from collections import Counter
from collections.abc import Callable, Sequence

from overthink.comparison.overthinking import Row
from overthink.policy.verdict import verdict
from overthink.report.differences import differences_sentence
from overthink.report.intervals import intervals_meaning, marks_sentence
from overthink.report.tables import Column, Layout, count_cell, group_cell, metric_cell, mixed_data_warning

METRICS = (
    "test/policy/accuracy",
    "test/policy/balanced_accuracy",
    "test/policy/best_constant",
    "test/policy/uniform",
    "test/policy/confidence/balanced_accuracy",
    "test/policy/p/constant",
    "test/policy/p/chance",
)
COMPARED = {"test/policy/accuracy": "Right exits", "test/policy/balanced_accuracy": "Balanced"}
CONTROL = "max-min-mnist"
"""The positive control: a data set on which exits are known to differ."""
CAPTION = (
    "Percent of the labelled test samples; mean ± standard deviation over seeds, {intervals}. Best constant: "
    "accuracy of always answering the most frequent label, the baseline of right exits. Balanced: accuracy with "
    "the same weight for every label, no mean over samples; its baseline is chance. By exit 1: balanced accuracy "
    "of answers from the confidence of exit 1 alone. p: largest over seeds, against the constant (exact) and "
    "against chance (permutation). Learned: right more often than the constant (p < 0.05). Informative: not "
    "learned, but balanced accuracy above chance (p < 0.05)."
)


def caption(rows: Sequence[Row]) -> str:
    """Return the caption, with the rows that have no positive control."""
    learned = {_training(row) for row in rows if row.dataset == CONTROL and "learned" in _verdicts(row)}
    without_control = [row.group for row in rows if row.dataset != CONTROL and _training(row) not in learned]
    control = (
        f"NO POSITIVE CONTROL for {', '.join(without_control)}: no row is a policy network of the same network and "
        f"training that learned something on Max-Min MNIST, so a failure to learn may be due to the training."
    )
    return " ".join(
        filter(
            None,
            (
                CAPTION.format(intervals=intervals_meaning(rows)),
                marks_sentence(rows, COMPARED),
                control if without_control else "",
                mixed_data_warning(rows),
                differences_sentence(rows, COMPARED),
            ),
        )
    )


def _training(row: Row) -> tuple[str, ...]:
    return row.network.key, row.regime.key


def _verdicts(row: Row) -> Counter[str]:
    """Return how many runs have each verdict."""
    runs = zip(*(row.values.get(f"test/policy/p/{baseline}", ()) for baseline in ("constant", "chance")), strict=True)
    return Counter(verdict({"policy/p/constant": constant, "policy/p/chance": chance}) for constant, chance in runs)


def _mean_cell(metric: str) -> Callable[[Row], tuple[str, ...]]:
    def cell(row: Row) -> tuple[str, ...]:
        found = row.estimates.get(metric)
        return ("-",) if found is None else (f"{100 * found.mean:.2f}",)

    return cell


def _balanced_cell(row: Row) -> tuple[str, ...]:
    chance = row.estimates.get("test/policy/uniform")
    lines = metric_cell("test/policy/balanced_accuracy")(row)
    return lines if chance is None else (*lines, f"chance {100 * chance.mean:.4g}")


def _verdict_cell(row: Row) -> tuple[str, ...]:
    """Return the verdicts, and the largest p over seeds against each baseline."""
    counts = _verdicts(row)
    n = sum(counts.values())
    words = [word if count == n else f"{word} ({count}/{n})" for word, count in counts.items()]
    worst = {name: max(row.values.get(f"test/policy/p/{name}", ()), default=None) for name in ("constant", "chance")}
    return (*words, *(f"p {value:.2g} {name}" for name, value in worst.items() if value is not None)) or ("-",)


POLICY = Layout(
    METRICS,
    (
        Column("Group", lambda row: (*group_cell(row), row.labels), False),
        Column("n", lambda row: (count_cell(row),), True),
        Column("Right exits", metric_cell("test/policy/accuracy"), True),
        Column("Best constant", _mean_cell("test/policy/best_constant"), True),
        Column("Balanced", _balanced_cell, True),
        Column("By exit 1", _mean_cell("test/policy/confidence/balanced_accuracy"), True),
        Column("Verdict", _verdict_cell, False),
    ),
    caption,
    COMPARED,
)
