"""Stored runs as a tidy pandas frame, for notebooks: a row a run, a column a fact or a metric.

from overthink.comparison.frame import frame_of
from overthink.comparison.stored_runs import stored_runs

frame = frame_of(stored_runs())
frame.groupby("variant")["test/overthinking/any_later"].describe()
"""

from collections.abc import Callable, Iterable

import pandas as pd

from overthink.store.stored import StoredRun

FACTS: dict[str, Callable[[StoredRun], str]] = {
    "kind": lambda run: run.kind,
    "definition": lambda run: run.definition,
    "variant": lambda run: run.variant,
    "seeds": lambda run: run.seeds_label,
    "dataset": lambda run: run.dataset.label,
    "network": lambda run: run.network.label,
    "regime": lambda run: run.regime.label,
    "run_key": lambda run: run.run_key,
    "group_key": lambda run: run.group_key,
}
"""Column -> its value."""


def frame_of(runs: Iterable[StoredRun]) -> pd.DataFrame:
    """Return a frame with a row a run or group; a metric that a run does not have is NaN. Rates are fractions."""
    rows = [
        {
            "run_id": run.run_id,
            "outcome": run.outcome,
            **{column: value(run) for column, value in FACTS.items()},
            "started": pd.Timestamp(run.started_ms, unit="ms", tz="UTC"),
            **run.metrics,
        }
        for run in runs
    ]
    return pd.DataFrame(rows, columns=None if rows else ["run_id", "outcome", *FACTS, "started"])
