"""What `import overthink` gives of trained networks: opening the one of a stored run."""

from pathlib import Path

from overthink.running.stored_run import network_of
from overthink.running.trained_network import TrainedNetwork
from overthink.store.client import Store
from overthink.store.public import RunName, StoreName, run_id_of, uri_of


def open_network(run: RunName, store: StoreName = None, data_root: Path | None = None) -> TrainedNetwork:
    """Return the trained network of a stored run.

    Args:
        run: The run's MLflow id, or a row of the frame that `runs` returns.
        store: A tracking URI or an SQLite file; by default MLFLOW_TRACKING_URI, else `mlflow.db` here.
        data_root: Folder of downloaded data sets, needed only for checkpoints of the earliest versions.

    Returns:
        The network in eval mode, with its definition and the normalisation of its images.

    Raises:
        ValueError: The checkpoint cannot be read, or is another run's.
        StoreError: The store does not answer, or has no such checkpoint.

    Example:
        >>> import overthink, torch
        >>> frame = overthink.runs(definitions="small")
        >>> trained = overthink.open_network(frame.query("group == 'small: long' and seed == '0'").iloc[0])
        >>> images = torch.zeros((2, *trained.definition.dataset.input_shape), dtype=torch.uint8)
        >>> trained.logits(images).shape  # exits, images, classes
        torch.Size([3, 2, 10])
    """
    return network_of(Store(uri_of(store)), run_id_of(run), data_root)
