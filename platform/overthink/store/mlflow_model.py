"""Networks as MLflow models: code and plain files, no pickle, which MLflow lists, registers and serves."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, Protocol

import numpy as np
import pandas as pd
from mlflow.entities import LoggedModelOutput, LoggedModelStatus, Metric
from mlflow.exceptions import MlflowException
from mlflow.models import Model, ModelSignature
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema, TensorSpec

from overthink.store.artifact_files import check_place
from overthink.store.client import Store
from overthink.store.errors import StoreError
from overthink.store.stored import StoredRun
from overthink.store.unreadable import reading
from overthink.store.uri import local_folder

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # MLflow warns of type hints of its own classes
    import mlflow.pyfunc
    from mlflow.pyfunc import PythonModel, PythonModelContext

CODE_FILE, NETWORK = "model_code.py", "network"
COLUMNS = {"class": "string", "confidence": "double", "exit": "long", "mul_adds": "long"}
"""Of an answer: class by its name, largest softmax value, exit from 1, cumulative MUL-ADDs."""
PARAMS: tuple[tuple[str, str, Any, tuple[int, ...] | None], ...] = (
    ("criterion", "string", "max-softmax", None),
    ("thresholds", "double", [], (-1,)),
    ("budget", "double", None, None),
)
"""Of a request: name, type, default and shape; see `running.serving`."""


class Answers(Protocol):
    """What answers images: class, confidence, exit and MUL-ADDs of each."""

    def answer(
        self, images_NKHW: np.ndarray[Any, Any], criterion: str, thresholds: Sequence[float], budget: float | None
    ) -> Sequence[tuple[object, ...]]:
        """Return a row an image; raises ValueError for arguments that do not fit."""


class ServedModel(PythonModel):  # type: ignore[misc]
    """What MLflow calls."""

    def __init__(self, opened: Callable[[Path], Answers]) -> None:
        self._opened = opened

    def load_context(self, context: PythonModelContext) -> None:
        """Open the network."""
        self._network = self._opened(Path(context.artifacts[NETWORK]))

    def predict(
        self, context: PythonModelContext, model_input: np.ndarray, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Return a frame with a row for each image."""
        given = params or {}
        try:
            rows = self._network.answer(model_input, given["criterion"], list(given["thresholds"]), given["budget"])
        except ValueError as error:
            raise MlflowException.invalid_parameter_value(str(error)) from None
        return pd.DataFrame(rows, columns=list(COLUMNS))


class LoggedModel(NamedTuple):
    """A model in a store."""

    uri: str
    """`models:/m-...`, which names it wherever MLflow takes a model."""
    name: str
    version: str | None
    """Of the registered model, if it was registered."""


def write_model(
    folder: Path,
    code: str,
    network: Path,
    shape: tuple[int, int, int],
    requirements: Sequence[str],
    about: Mapping[str, str],
) -> None:
    """Write an MLflow model into a new folder: code, the files of a network, signature, input example.

    No name of another folder of this machine is left in it.
    """
    signature = ModelSignature(
        Schema([TensorSpec(np.dtype("float32"), (-1, *shape))]),
        Schema([ColSpec(DataType[kind], name) for name, kind in COLUMNS.items()]),
        ParamSchema(
            [ParamSpec(name, DataType[kind], default, kind_shape) for name, kind, default, kind_shape in PARAMS]
        ),
    )
    with TemporaryDirectory() as temporary, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file = Path(temporary) / CODE_FILE
        file.write_text(code, encoding="utf-8")
        mlflow.pyfunc.save_model(
            str(folder),
            python_model=str(file),
            artifacts={NETWORK: str(network)},
            signature=signature,
            input_example=np.zeros((1, *shape), dtype=np.float32),
            pip_requirements=list(requirements),
            metadata=dict(about),
        )
    _forget_origins(folder)


def _forget_origins(folder: Path) -> None:
    model = Model.load(str(folder))
    flavour = model.flavors["python_function"]
    flavour["model_code_path"] = CODE_FILE
    for artifact in flavour["artifacts"].values():
        artifact["uri"] = artifact["path"]
    model.save(str(folder / "MLmodel"))


def models_of(store: Store, run: StoredRun) -> list[str]:
    """Return the IDs of the models that are ready in a store as outcomes of a run."""
    with store.sentences():
        found = store.client.search_logged_models([run.experiment_id], f"source_run_id = '{run.run_id}'")
    return [str(model.model_id) for model in found if model.status == LoggedModelStatus.READY]


def log_model(
    store: Store, run: StoredRun, folder: Path, name: str, register: str | None = None, metrics: Sequence[str] = ()
) -> LoggedModel:
    """Store an MLflow model as the outcome of a run, and register it, where a name is given, as its next version.

    Those of the `metrics` that the run has are shown with the model, too.

    Raises StoreError, and leaves no model, where the store refuses any of it.
    """
    is_new = register is not None and _made_registered(store, register)
    try:
        model_id = _stored(store, run, folder, name, metrics)
        version = None if register is None else _registered(store, run, model_id, register)
    except BaseException:
        if is_new and register is not None:
            with suppress(StoreError), store.sentences():
                _delete_if_empty(store, register)
        raise
    return LoggedModel(f"models:/{model_id}", name, version)


def _delete_if_empty(store: Store, register: str) -> None:
    """Delete a registered model, unless somebody has added a version to it meanwhile."""
    quote = '"' if "'" in register else "'"
    if not store.client.search_model_versions(f"name = {quote}{register}{quote}", max_results=1):
        store.client.delete_registered_model(register)


def _stored(store: Store, run: StoredRun, folder: Path, name: str, metrics: Sequence[str]) -> str:
    with store.sentences():
        made = store.client.create_logged_model(run.experiment_id, name, run.run_id)
    model_id = str(made.model_id)
    with _removed_on_failure(store, model_id):
        store.check_place(f"model {model_id}", made.artifact_location)
        if (place := local_folder(made.artifact_location)) is not None:
            with reading(run.run_id, f"model {model_id}"):
                check_place(place.parent.parent, f"{model_id}/artifacts/MLmodel")
        with store.sentences():
            store.client.log_model_artifacts(model_id, str(folder))
            store.client.log_batch(run.run_id, metrics=_of_model(store, run, model_id, metrics))
            store.client.finalize_logged_model(model_id, LoggedModelStatus.READY)
            store.client.log_outputs(run.run_id, [LoggedModelOutput(model_id, step=0)])
    return model_id


def _of_model(store: Store, run: StoredRun, model_id: str, metrics: Sequence[str]) -> list[Metric]:
    """Return a run's metrics as those of a model: at their own time and step, so that the run has each once."""
    newest = [store.client.get_metric_history(run.run_id, name)[-1] for name in metrics if name in run.metrics]
    return [Metric(one.key, one.value, one.timestamp, one.step, model_id=model_id) for one in newest]


def _registered(store: Store, run: StoredRun, model_id: str, register: str) -> str:
    with _removed_on_failure(store, model_id), store.sentences():
        found = store.client.create_model_version(register, f"models:/{model_id}", run.run_id, model_id=model_id)
    return str(found.version)


@contextmanager
def _removed_on_failure(store: Store, model_id: str) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with suppress(StoreError), store.sentences():
            store.client.delete_logged_model(model_id)
        raise


def _made_registered(store: Store, register: str) -> bool:
    """Make a registered model where there is none of that name; tell whether there was none."""
    with store.sentences():
        try:
            store.client.create_registered_model(register)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            return False
    return True
