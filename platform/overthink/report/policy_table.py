"""The table of policy networks: their labels, accuracy, baselines and verdicts."""

from collections import Counter
from collections.abc import Callable, Sequence

from overthink.comparison.overthinking import Row
from overthink.policy.verdict import ceiling, trainings_of, verdict
from overthink.report.averages import count_lines, groups_of, mean_of
from overthink.report.tables import Column, Layout, caption_of, group_cell, metric_cell
from overthink.report.undetermined import ends

METRICS = (
    "test/policy/accuracy",
    "test/policy/balanced_accuracy",
    "test/policy/best_constant",
    "test/policy/uniform",
    "test/policy/confidence/balanced_accuracy",
    "test/policy/p/constant",
    "test/policy/p/chance",
)
CEILING = tuple(
    f"test/policy/ceiling/{name}"
    for name in ("trainings", "averaged", "majority/accuracy", "excess", "excess/low", "excess/high")
)
"""Of a group, not of its runs."""
TRAININGS = "policy/ceiling/trainings"
COMPARED = {"test/policy/accuracy": "Right exits", "test/policy/balanced_accuracy": "Balanced"}
CONTROL = "max-min-mnist"
"""The positive control: a data set on which exits are known to differ."""
DEFINITIONS = (
    "Best constant: accuracy of always answering the most frequent label, the baseline of right exits. Balanced: "
    "accuracy with the same weight for every label, no mean over samples; its baseline is chance. By exit 1: "
    "balanced accuracy of answers from the confidence of exit 1 alone. p: largest over runs, against the constant "
    "(exact) and against chance (permutation). Learned: right more often than the constant (p < 0.05). "
    "Informative: not learned, but balanced accuracy above chance (p < 0.05)."
)
CEILING_MEANING = (
    "Ceiling: right answers of the majority of the other trainings' labels, minus the best constant on the same "
    "samples, in points, [95% interval over trainings of the main network]. Cannot decide: that interval is not above "
    "0, so a network that is not better than the constant disproves nothing."
)


def caption(rows: Sequence[Row]) -> str:
    """Return the caption, with the rows that have no positive control."""
    groups = [one for row in rows for one in groups_of(row)]
    learned = {_training(one) for one in groups if one.dataset == CONTROL and _mostly_learned(one)}
    without_control = [one.group for one in groups if one.dataset != CONTROL and _training(one) not in learned]
    control = (
        f"NO POSITIVE CONTROL for {', '.join(without_control)}: no row is a policy network of the same network and "
        f"training that learned something on Max-Min MNIST in most of its runs, so a failure to learn may be due to "
        f"the training."
    )
    without_ceiling = [row.group for row in rows if row.finished and TRAININGS not in _ceiling(row)]
    ceiling_hint = (
        f"No noise ceiling for {', '.join(without_ceiling)}: labels are permuted, groups are pooled, or it is not "
        f"computed yet (overthink analyse)."
    )
    meanings = [
        DEFINITIONS,
        CEILING_MEANING if any(TRAININGS in _ceiling(row) for row in rows) else "",
        ceiling_hint if without_ceiling else "",
        control if without_control else "",
    ]
    return caption_of(rows, "the labelled test samples", meanings, COMPARED)


def _training(row: Row) -> tuple[str, ...]:
    return row.network.key, row.regime.key


def _mostly_learned(row: Row) -> bool:
    """Tell whether more than half of the runs learned something: one of a few does by chance."""
    counts = _verdicts(row)
    return 2 * counts["learned"] > counts.total()


def _verdicts(row: Row) -> Counter[str]:
    """Return how many runs have each verdict."""
    runs = zip(_p_values(row, "constant"), _p_values(row, "chance"), strict=True)
    return Counter(verdict({"policy/p/constant": constant, "policy/p/chance": chance}) for constant, chance in runs)


def _ceiling(row: Row) -> dict[str, float]:
    return {metric.removeprefix("test/"): value for metric, value in row.of_group.items()}


def _constant_cell(row: Row) -> tuple[str, ...]:
    """Return the best constant, and the noise ceiling's distance from it."""
    found = {name.removeprefix("policy/ceiling/"): 100 * value for name, value in _ceiling(row).items()}
    lines = _mean_cell("test/policy/best_constant")(row)
    if "excess" in found:
        lines += ("ceiling", f"{found['excess']:+.2f}")
    if "excess/low" in found:
        lines += (ends(found["excess/low"] / 100, found["excess/high"] / 100, "+.1f", span=2),)
    return lines


def _p_values(row: Row, baseline: str) -> list[float]:
    return [value for one in groups_of(row) for value in one.values.get(f"test/policy/p/{baseline}", ())]


def _mean_cell(metric: str) -> Callable[[Row], tuple[str, ...]]:
    def cell(row: Row) -> tuple[str, ...]:
        mean = mean_of(row, metric)
        return ("-",) if mean is None else (f"{100 * mean:.2f}",)

    return cell


def _balanced_cell(row: Row) -> tuple[str, ...]:
    chance = mean_of(row, "test/policy/uniform")
    lines = metric_cell("test/policy/balanced_accuracy")(row)
    return lines if chance is None else (*lines, f"chance {100 * chance:.4g}")


def _verdict_cell(row: Row) -> tuple[str, ...]:
    """Return the verdicts, what the ceiling means for them, and the largest p over runs against each baseline."""
    counts = _verdicts(row)
    n = sum(counts.values())
    words = [word if count == n else f"{word} ({count}/{n})" for word, count in counts.items()]
    if not {*counts} <= {"learned"}:
        words += _meaning(row)
    worst = {name: max(_p_values(row, name), default=None) for name in ("constant", "chance")}
    return (*words, *(f"p {value:.2g} {name}" for name, value in worst.items() if value is not None)) or ("-",)


def _meaning(row: Row) -> tuple[str, ...]:
    """Return in words whether it means anything that a row's networks are no better than the constant."""
    found = _ceiling(row)
    if TRAININGS not in found:
        return ()
    state = ceiling(found)
    return {
        "above the constant": ("ceiling above",),
        "not shown to be above the constant": ("cannot decide",),
        "unknown": ("ceiling unknown", trainings_of(found)),
    }[state]


POLICY = Layout(
    METRICS + CEILING,
    (
        Column("Group", lambda row: (*group_cell(row), row.labels), False),
        Column("n", count_lines, True),
        Column("Right exits", metric_cell("test/policy/accuracy"), True),
        Column("Best constant", _constant_cell, True),
        Column("Balanced", _balanced_cell, True),
        Column("By exit 1", _mean_cell("test/policy/confidence/balanced_accuracy"), True),
        Column("Verdict", _verdict_cell, False),
    ),
    caption,
    COMPARED,
)
