"""Reading what runs have stored: predictions and texts."""

from pathlib import Path
from tempfile import TemporaryDirectory

from overthink.predictions.predictions import Predictions
from overthink.store.client import Store


def stored_predictions(store: Store, run_id: str, split: str) -> Predictions:
    """Return a run's predictions on a split.

    Raises StoreError where the store does not have them, ValueError naming a file that cannot be read.
    """
    with TemporaryDirectory() as folder:
        return Predictions.read(store.artifact(run_id, f"predictions/{split}.parquet", Path(folder)))


def stored_text(store: Store, run_id: str, artifact: str) -> str:
    """Return a text artifact of a run; raise StoreError where the store does not have it."""
    with TemporaryDirectory() as folder:
        return store.artifact(run_id, artifact, Path(folder)).read_text()
