"""Share of a launch's time spent waiting for the store (goal: under 2%)."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

from overthink.definition.loading import load_experiment
from overthink.definition.source import find
from overthink.launching.launch import launch
from overthink.launching.outcomes import Options
from overthink.launching.public import Silent
from overthink.store.client import Store


def main() -> str:
    """Launch the quickstart's longer variant for one seed, into a fresh SQLite store."""
    with TemporaryDirectory() as folder:
        os.environ["OVERTHINK_STATE"] = f"{folder}/state"
        loaded = load_experiment(find("quickstart"), seeds=(0,))
        before = Path.cwd()
        os.chdir(folder)
        try:
            outcomes = launch(Store(f"sqlite:///{folder}/mlflow.db"), [loaded], Options(jobs=2), Silent())
        finally:
            os.chdir(before)
    share = outcomes.tracking_seconds / outcomes.seconds
    return (
        f"{len(outcomes.runs['finished'])} runs in {outcomes.seconds:.0f} s, {outcomes.tracking_seconds:.1f} s "
        f"of it waiting for the store: {100 * share:.1f}% (goal 2%); uploads run in parallel to training"
    )
