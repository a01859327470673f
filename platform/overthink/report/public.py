"""What `import overthink` gives of reports: the overthinking table, and figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import pandas as pd
import plotly.graph_objects as go

from overthink.comparison.arms import are_of_several_arms, asked_by
from overthink.comparison.frame import check_frame
from overthink.comparison.grouping import GROUPINGS
from overthink.comparison.intervals import with_intervals
from overthink.comparison.observations import by_training
from overthink.comparison.overthinking import Row, overthinking_rows
from overthink.comparison.paired import check_margin, with_differences
from overthink.comparison.stored_runs import stored_runs
from overthink.report.differences import as_record
from overthink.report.policy_table import POLICY
from overthink.report.table_files import as_html, as_latex, as_markdown
from overthink.report.tables import OVERTHINKING, Layout
from overthink.sentences import check_one_of
from overthink.statistics.estimate import OVERS, Over
from overthink.store.correctness import CorrectnessReader
from overthink.store.public import RunName, StoreName, run_id_of, uri_of
from overthink.store.unreadable import UnreadableRunError, problems_of, warn


@dataclass(frozen=True)
class OverthinkingTable:
    """A table of groups of runs: a row a group, numbers over seeds, a paper's beside them, and what is missing."""

    rows: tuple[Row, ...]
    layout: Layout

    @property
    def frame(self) -> pd.DataFrame:
        """A row a group and metric: n, mean, std, 95% interval and what it holds for, paper's number, difference.

        A row of several groups (`groups` says how many) has the n of each, the mean over groups of their means, and the
        `lowest` and `highest` of these instead of a deviation and an interval.
        """
        found: list[dict[str, Any]] = []
        for row in self.rows:
            for metric, numbers in (row.over_groups if row.groups else row.estimates).items():
                difference, paper = row.differences.get(metric), row.reported.get(metric)
                found.append(
                    {"dataset": row.dataset, "group": row.group, "kernels": " ".join(row.kernels), "metric": metric}
                    | {"groups": len(row.groups) or 1}
                    | numbers._asdict()
                    | {"paper": paper.value if paper else None}
                    | {
                        f"difference_{name}": value
                        for name, value in (as_record(difference) if difference else {}).items()
                    }
                    | {"missing": len(row.gaps)}
                )
        return pd.DataFrame(found)

    def markdown(self) -> str:
        """Return it as a GitHub-flavoured Markdown table, in percent, with a caption."""
        return as_markdown(self.rows, self.layout)

    def latex(self) -> str:
        """Return it as a LaTeX table for the booktabs package, in percent; its caption is a comment."""
        return as_latex(self.rows, self.layout)

    def _repr_html_(self) -> str:
        return as_html(self.rows, self.layout)


def overthinking_table(
    store: StoreName = None,
    definitions: str | Sequence[str] = (),
    by: str = "variant",
    against: str | None = None,
    margin: float | None = None,
    policies: bool = False,
    interval: Over = "both",
) -> OverthinkingTable:
    """Return the overthinking table of stored runs: `overthink compare` for a notebook.

    Args:
        store: A tracking URI or an SQLite file; by default MLFLOW_TRACKING_URI, else `mlflow.db` here.
        definitions: Name or names of definitions (MLflow experiments); all of them where left out.
        by: What runs are grouped by: `variant` (groups that differ by `--set` stay apart), `definition`, `dataset`,
            `network` or `regime`. Only runs of one group are averaged as seeds: a row of several groups is the mean
            over groups of their means over seeds.
        against: A row's group or variant: every row then shows its paired difference to that one.
        margin: Largest difference that counts as equal, as a fraction (0.01: one percentage point); choose it before
            you see results. Needs `against`.
        policies: Whether the table is of policy networks instead of multi-exit networks.
        interval: What 95% intervals hold for: new `seeds`, new test `samples`, or `both`. The latter two are read from
            stored predictions; where that cannot be done, intervals are over seeds, and the caption says so.

    Returns:
        The table: shown as HTML by a notebook, with `frame`, `markdown()` and `latex()`.

    Raises:
        ValueError: No row, or more than one of a data set, is called as `against` says, or it is of several groups;
            `margin` is not between 0 and 1, or stands alone.
        StoreError: The store does not answer.

    Example:
        >>> import overthink
        >>> table = overthink.overthinking_table(definitions="small", against="short")
        >>> print(table.markdown().splitlines()[0])
        | Group | n | Accuracy last exit | Overthinking any later | Overthinking final | Oracle accuracy |
        >>> table.frame[["group", "metric", "mean"]].round(3).iloc[0].to_dict()
        {'group': 'small: short', 'metric': 'test/accuracy/last', 'mean': 0.1}
    """
    check_margin(margin, against)
    check_one_of("by", by, GROUPINGS)
    check_one_of("interval", interval, OVERS)
    layout = POLICY if policies else OVERTHINKING
    uri = uri_of(store)
    stored = stored_runs(uri=uri, metrics=layout.metrics)
    if definitions:
        stored = asked_by({definitions} if isinstance(definitions, str) else {*definitions}, stored)
    warn(problems_of(stored))
    rows = overthinking_rows([run for run in stored if run.is_policy == policies], by, layout.metrics)
    if against is not None and rows:
        rows = with_differences(rows, against, layout.compared, margin)
    rows = with_intervals(rows, interval, CorrectnessReader(uri))
    return OverthinkingTable(tuple(rows), layout)


def figures(runs: RunName | Sequence[RunName] | pd.DataFrame, store: StoreName = None) -> dict[str, go.Figure]:
    """Return the figures that predictions alone can show, of one run or of several seeds of one group.

    Of runs that repeat one training (the control arm of a study) one is shown.

    Args:
        runs: A run's MLflow id, a row of the frame that `overthink.runs` returns, several of them, or such a frame.
        store: A tracking URI or an SQLite file; by default MLFLOW_TRACKING_URI, else `mlflow.db` here.

    Returns:
        Caption -> plotly figure.

    Raises:
        ValueError: The runs are of several groups or arms, or the predictions of none can be read. A run whose
            predictions cannot be read is left out with a warning.
        StoreError: The store does not answer.

    Example:
        >>> import overthink
        >>> shown = overthink.figures(overthink.runs(definitions="small").query("group == 'small: long'"))
        >>> next(iter(shown))
        'Accuracy of each exit against its cost'
    """
    from overthink.report.analysis import figures_of
    from overthink.store.client import Store
    from overthink.store.reader import run_of

    opened = Store(uri_of(store))
    chosen = [run_of(opened, run_id) for run_id in dict.fromkeys(_ids(runs))]
    groups = {run.group_key: run.group_label for run in chosen}
    if len(groups) != 1:
        raise ValueError(
            f"figures are of runs of one group; these are of {len(groups)}: {', '.join(groups.values()) or 'no run'}"
        )
    if are_of_several_arms(chosen):
        raise ValueError(f"figures are of runs of one arm; these runs of {chosen[0].group_label} are of several arms")
    found = figures_of(opened, [repeats[0] for repeats in by_training(chosen)])
    if not found.shown:
        raise UnreadableRunError(found.problems[0])
    warn(found.problems)
    return {one.caption: one.figure for one in found.shown}


def _ids(runs: RunName | Sequence[RunName] | pd.DataFrame) -> list[str]:
    if isinstance(runs, pd.DataFrame):
        check_frame(runs, "run_id")
        return [str(run_id) for run_id in runs["run_id"]]
    if isinstance(runs, list | tuple):
        return [run_id_of(run) for run in runs]
    return [run_id_of(cast(RunName, runs))]
