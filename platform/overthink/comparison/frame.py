"""Stored runs as a tidy pandas frame, for notebooks: a row a run, a column a fact or a metric.

from overthink.comparison.frame import frame_of
from overthink.comparison.stored_runs import stored_runs

frame = frame_of(stored_runs())
frame.groupby("variant")["test/overthinking/any_later"].describe()
"""

from collections.abc import Iterable

import pandas as pd

from overthink.store import tags
from overthink.store.stored import StoredRun

FACTS = {
    "kind": tags.KIND,
    "definition": tags.DEFINITION,
    "variant": tags.VARIANT,
    "seeds": tags.SEEDS,
    **{name: f"overthink.{name}" for name in tags.SUMMARY},
    "run_key": tags.RUN_KEY,
    "group_key": tags.GROUP_KEY,
}
"""Column -> tag."""


def frame_of(runs: Iterable[StoredRun]) -> pd.DataFrame:
    """Return a frame with a row a run or group; a metric that a run does not have is NaN. Rates are fractions."""
    rows = [
        {
            "run_id": run.run_id,
            "outcome": run.outcome,
            **{column: run.tags.get(tag, "") for column, tag in FACTS.items()},
            "started": pd.Timestamp(run.started_ms, unit="ms", tz="UTC"),
            **run.metrics,
        }
        for run in runs
    ]
    return pd.DataFrame(rows, columns=None if rows else ["run_id", "outcome", *FACTS, "started"])
