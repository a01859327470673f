"""A stored run's network as an MLflow model: into the store, or into a folder."""

from pathlib import Path
from tempfile import TemporaryDirectory

from overthink.comparison.overthinking import COLUMNS
from overthink.running.new_folder import new_folder
from overthink.running.provenance import version_of
from overthink.running.serving import model_code, write_network
from overthink.store.client import Store
from overthink.store.mlflow_model import LoggedModel, log_model, models_of, write_model
from overthink.store.stored import StoredRun

PACKAGE = __name__.partition(".")[0]


def export_mlflow(store: Store, run: StoredRun, name: str, register: str | None, data_root: Path | None) -> LoggedModel:
    """Store the network of a run as an MLflow model, the run's outcome; register it where a name is given."""
    with TemporaryDirectory() as temporary:
        folder = Path(temporary) / "model"
        _write(store, run, folder, data_root)
        return log_model(store, run, folder, name, register, COLUMNS)


def has_model(store: Store, run: StoredRun) -> bool:
    """Return whether the store has an MLflow model of a run."""
    return bool(models_of(store, run))


def export_mlflow_folder(store: Store, run: StoredRun, folder: Path, data_root: Path | None) -> None:
    """Write the network of a run as an MLflow model into a new folder; nothing is left where that fails."""
    with new_folder(folder) as place:
        _write(store, run, place, data_root)


def _write(store: Store, run: StoredRun, folder: Path, data_root: Path | None) -> None:
    version = version_of(PACKAGE)
    requirement = PACKAGE if version is None else f"{PACKAGE}=={version}"
    with TemporaryDirectory() as temporary:
        network = Path(temporary) / "network"
        network.mkdir()
        trained = write_network(store, run, network, data_root)
        about = {
            "run_id": run.run_id,
            "run_key": run.run_key,
            "images": "pixels as fractions from 0 to 1; axes are images, channels, rows, columns",
        }
        write_model(folder, model_code(), network, trained.definition.dataset.input_shape, [requirement], about)
