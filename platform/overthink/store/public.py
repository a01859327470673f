"""What `import overthink` gives of stores: naming one, and reading predictions from it."""

from pathlib import Path
from typing import Any, Protocol

from overthink.predictions.predictions import SPLITS, Predictions
from overthink.store.stored import StoredRun
from overthink.store.uri import database_file, tracking_uri

StoreName = str | Path | None
"""A tracking URI, an SQLite file, or None for MLFLOW_TRACKING_URI, else `mlflow.db` in the working directory."""


class RunRow(Protocol):
    """A row of the frame that `runs` returns, or any mapping with a `run_id`."""

    def __getitem__(self, name: str, /) -> Any:
        """Return what the row has in a column."""


RunName = str | StoredRun | RunRow
"""A run: its MLflow id, or a row of the frame that `runs` returns."""


def uri_of(store: StoreName = None) -> str:
    """Return the tracking URI of a store.

    Args:
        store: A tracking URI (`http://...`, `sqlite:///...`), an SQLite file, or None for the one of the environment.

    Returns:
        The URI, as MLflow takes it.
    """
    uri = tracking_uri() if store is None else str(store)
    database = database_file(uri) if "://" in uri else Path(uri)
    # MLflow keeps one connection a URI: a relative one would lead to the same file from another working directory.
    return uri if database is None else f"sqlite:///{database.absolute()}"


def run_id_of(run: RunName) -> str:
    """Return the MLflow id of a run that is given by it, or as a row of the frame that `runs` returns."""
    if isinstance(run, StoredRun):
        return run.run_id
    return run if isinstance(run, str) else str(run["run_id"])


def read_predictions(run: RunName, split: str = "test", store: StoreName = None) -> Predictions:
    """Return what every exit of a stored run's network answered for every sample of a split.

    Args:
        run: The run's MLflow id, or a row of the frame that `runs` returns.
        split: `test` or `val`; of policy networks also `everything`: all test samples of their main network.
        store: A tracking URI or an SQLite file; by default MLFLOW_TRACKING_URI, else `mlflow.db` here.

    Returns:
        The predictions; arrays carry their axes in their names: E exits, N samples, C classes.

    Raises:
        ValueError: There is no such split, or the file cannot be read as predictions.
        StoreError: The store does not answer, or has no such file.

    Example:
        >>> import overthink
        >>> frame = overthink.runs(definitions="small")
        >>> run = frame[frame["group"] == "small: long"].iloc[0]
        >>> predictions = overthink.read_predictions(run)
        >>> predictions.n_exits, len(predictions.ids_N), predictions.split
        (3, 40, 'test')
        >>> predictions.correct_EN.shape
        (3, 40)
    """
    from overthink.store.client import Store

    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")
    return Store(uri_of(store)).predictions(run_id_of(run), split)
