"""The networks of a launch as MLflow models, so that MLflow's Models page shows them."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from overthink.cli.output import log
from overthink.report.export import slug
from overthink.report.safe_text import print_text
from overthink.running.mlflow_export import export_mlflow, has_model
from overthink.store.client import Store
from overthink.store.errors import StoreError
from overthink.store.stored import StoredRun


def store_models(store: Store, runs: Sequence[StoredRun], data_root: Path | None) -> None:
    """Store the networks of finished runs as MLflow models, those that have none yet; say which cannot be one."""
    stored, refused = 0, defaultdict[str, list[str]](list)
    for run in (run for run in runs if not run.is_group and run.is_finished):
        try:
            if not has_model(store, run):
                export_mlflow(store, run, slug(run.name) or run.run_id, None, data_root)
                stored += 1
        except (ValueError, OSError, StoreError) as error:
            refused[str(error)].append(run.name)
    if stored:
        said = "1 network stored as an MLflow model" if stored == 1 else f"{stored} networks stored as MLflow models"
        log().print(f"{said} (Models page).")
    for reason, names in refused.items():
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        print_text(log(), f"{names[0]}{more}: no MLflow model: {reason}")
