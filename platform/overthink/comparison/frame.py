"""Stored runs as one tidy frame: a row a run, a column a fact or metric."""

from collections.abc import Iterable

import pandas as pd

from overthink.tracking import tags
from overthink.tracking.reader import StoredRun

FACTS = (
    "run_id",
    "experiment",
    "name",
    "kind",
    "run_key",
    "group_key",
    "variant",
    "seeds",
    "outcome",
    "message",
)
GROUPINGS = ("variant", "definition", *tags.SUMMARY)
"""What `--by` can group runs by."""


def frame_of(runs: Iterable[StoredRun], experiment_names: dict[str, str]) -> pd.DataFrame:
    """Return a frame of runs and groups, newest first, with a column a metric where any run has it."""
    rows = [{**_facts(run, experiment_names), **run.metrics} for run in runs]
    columns = [*FACTS, *(name for name in GROUPINGS if name not in FACTS), "started_ms", "reported"]
    frame = pd.DataFrame(rows)
    return frame if rows else pd.DataFrame(columns=columns)


def newest_per_run_key(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the runs of a frame, one for each run key: the newest finished one, else the newest."""
    runs = frame[frame["kind"] == tags.KIND_RUN]
    ranked = runs.assign(_finished=runs["outcome"] == tags.FINISHED).sort_values(["_finished", "started_ms"])
    return ranked.drop_duplicates("run_key", keep="last").drop(columns="_finished").sort_values("started_ms")


def _facts(run: StoredRun, experiment_names: dict[str, str]) -> dict[str, object]:
    return {
        "run_id": run.run_id,
        "experiment": experiment_names.get(run.experiment_id, run.experiment_id),
        "name": run.name,
        "kind": run.tags.get(tags.KIND, ""),
        "run_key": run.tags.get(tags.RUN_KEY, ""),
        "group_key": run.tags.get(tags.GROUP_KEY, ""),
        "variant": run.tags.get(tags.VARIANT, ""),
        "seeds": run.tags.get(tags.SEEDS, ""),
        "outcome": run.outcome,
        "message": run.tags.get(tags.MESSAGE, ""),
        "definition": run.tags.get(tags.DEFINITION, ""),
        **{name: run.tags.get(f"overthink.{name}", "") for name in tags.SUMMARY},
        "started_ms": run.started_ms,
        "reported": run.tags.get(tags.REPORTED, ""),
    }
