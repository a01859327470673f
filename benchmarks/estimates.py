"""How far `run --estimate` is off: the quickstart is launched with an estimate, in a store of its own.

The error is that of the launch's time, and of each run's, in percent of the time that it took; positive where the
estimate was too long.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory

from overthink.comparison.named_values import duration
from overthink.comparison.stored_runs import stored_runs
from overthink.settings import cache_folder

JOBS = 2
TRAIN = 1200
SMALLER = "--set", f"dataset.train={TRAIN}", "--set", "dataset.test=600"
END = re.compile(r"; ([0-9]+) s \(estimated ([0-9]+) s\)")


def main() -> str:
    """Return the errors with two jobs."""
    with TemporaryDirectory() as folder:
        uri = f"sqlite:///{folder}/mlflow.db"
        kernels, own = cache_folder() / "kernels", Path(folder, "cache", "overthink", "kernels")
        if kernels.is_dir():  # else they are compiled anew, which is no part of a training
            shutil.copytree(kernels, own)
        said = subprocess.run(
            [sys.executable, "-m", "overthink.cli", "run", "quickstart", "--estimate", "--jobs", str(JOBS), *SMALLER],
            cwd=folder,
            env={
                **os.environ,
                "MLFLOW_TRACKING_URI": uri,
                "OVERTHINK_STATE": f"{folder}/state",
                "XDG_CACHE_HOME": f"{folder}/cache",
                "OMP_NUM_THREADS": "1",
            },
            capture_output=True,
            text=True,
            check=True,
        ).stderr
        took, estimated = map(float, END.findall(" ".join(said.split()))[0])
        runs = [run for run in stored_runs(metrics=(), uri=uri) if not run.is_group]
        errors = [_error(run.estimated_seconds or 0.0, duration(run) or 1.0) for run in runs]
        stored = sum(path.stat().st_size for path in Path(folder, "mlruns").rglob("*") if path.is_file())
    disk = re.search(r"About ([0-9]+) MB in the store", " ".join(said.split()))
    assert disk is not None
    return (
        f"quickstart ({TRAIN:,} images), {JOBS} jobs: estimated {estimated:.0f} s, took {took:.0f} s, error "
        f"{_error(estimated, took):+.0f}%; runs {mean(errors):+.0f}% ({min(errors):+.0f} to {max(errors):+.0f}); "
        f"store estimated {disk[1]} MB, is {stored / 1e6:.0f} MB"
    )


def _error(estimated: float, took: float) -> float:
    """Return by how many percent an estimate is off."""
    return 100 * (estimated / took - 1)
