"""A trained network as files that answer arrays of images: definition, weights, and thresholds of each criterion.

MLflow's models hold these files; what answers is what `overthink predict` computes, by torch's kernels.
"""

from collections.abc import Sequence
from math import inf
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from overthink.definition.run_definition import parse_run
from overthink.inference.budget_file import criteria_of, from_json, to_json
from overthink.inference.confidence import criterion_named
from overthink.inference.exiting import EarlyExit
from overthink.networks.cost import mul_adds
from overthink.networks.folding import folded
from overthink.plugins.modules import named_modules
from overthink.running.classify import BATCH, Answer, answers_of
from overthink.running.stored_run import check_trained_here, lookup_table_of, network_of
from overthink.running.trained_network import TrainedNetwork, restored
from overthink.store.client import Store
from overthink.store.stored import StoredRun
from overthink.store.tags import DEFINITION_FILE
from overthink.training.checkpoint import RunIdentity, save
from overthink.training.loop import TrainingState
from overthink.training.regime import OWN_CHECKPOINT

THRESHOLDS_FILE = "thresholds-{criterion}.json"
LEVELS = 255
MODEL_CODE = '''"""What MLflow runs to load this model, a network that overthink has trained; nothing is unpickled."""

from mlflow.models import set_model

from overthink.plugins.modules import name_modules
from overthink.running.serving import ServedNetwork
from overthink.store.mlflow_model import ServedModel

name_modules({plugins!r})
set_model(ServedModel(ServedNetwork.read))
'''


def write_network(store: Store, run: StoredRun, folder: Path, data_root: Path | None = None) -> TrainedNetwork:
    """Write the files of a run's network into a folder; return it. A checkpoint's momentum is left out.

    Raises ValueError where its exits cannot be computed one after the other.
    """
    check_trained_here(run)
    trained = network_of(store, run.run_id, data_root)
    if not trained.network.has_step:
        raise ValueError(
            f"{run.name}: its network has no method step(exit, state), so its exits cannot be computed one after the "
            "other (docs/own-network.md)"
        )
    definition = trained.definition
    (folder / DEFINITION_FILE).write_text(definition.model_dump_json(indent=2), encoding="utf-8")
    identity = RunIdentity(definition.key, "", definition.regime, definition.seeds, trained.data_info)
    save(folder, TrainingState(trained.network), identity)
    if trained.network.n_exits > 1 and run.has_validation:
        for criterion in criteria_of(store.predictions(run.run_id, "val")):
            table, _ = lookup_table_of(store, run, criterion)
            file = folder / THRESHOLDS_FILE.format(criterion=criterion)
            file.write_text(to_json(table), encoding="utf-8")
    return trained


def model_code() -> str:
    """Return the code of an MLflow model; it imports the plug-ins that the person has named in this process."""
    return MODEL_CODE.format(plugins=named_modules())


class ServedNetwork:
    """Answers images with the network in a folder."""

    def __init__(self, trained: TrainedNetwork, folder: Path) -> None:
        self._trained, self._folder = trained, folder
        self._network = folded(trained.network)
        self._cost_E = mul_adds(trained.network, trained.definition.dataset.input_shape)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Open what `write_network` has written; raises ValueError where it is not valid."""
        text = (folder / DEFINITION_FILE).read_text(encoding="utf-8")
        return cls(restored(parse_run(text, DEFINITION_FILE), folder / OWN_CHECKPOINT), folder)

    def answer(
        self,
        images_NKHW: np.ndarray[Any, Any],
        criterion: str = "max-softmax",
        thresholds: Sequence[float] = (),
        budget: float | None = None,
    ) -> list[Answer]:
        """Return class, confidence, exit and cost of images whose pixels are fractions from 0 to 1.

        Pixels are rounded to the 256 levels of image files.

        Args:
            images_NKHW: The images, with the data set's channels, rows and columns.
            criterion: What thresholds are of: max-softmax, entropy, top2-ratio or patience.
            thresholds: An image leaves at the first exit with at least this confidence: one for all exits, or one for
                each but the last. None: all images exit at the last exit.
            budget: Instead of thresholds: the most accurate ones with a mean cost within so many MUL-ADDs per image on
                validation data.

        Raises:
            ValueError: An argument does not fit; the message is a sentence.
        """
        threshold_E = self._thresholds(criterion, [float(value) for value in thresholds], budget)
        early = EarlyExit(self._network, threshold_E, criterion)
        answers: list[Answer] = []
        for some_BKHW in _levels(images_NKHW).split(BATCH):
            normalised = self._trained.normalise(some_BKHW)
            answers += answers_of(early(normalised), self._trained.data_info.classes, self._cost_E)
        return answers

    def _thresholds(self, criterion: str, given: list[float], budget: float | None) -> list[float]:
        n_exits = self._network.n_exits
        criterion = criterion_named(criterion)
        if given and budget is not None:
            raise ValueError("thresholds and budget exclude each other; give one of them")
        if len(given) not in (0, 1, n_exits - 1):
            raise ValueError(f"thresholds: expected one for all exits or {n_exits - 1}, got {len(given)}")
        if budget is None:
            each = given or [inf]
            return [*(each if len(each) == n_exits - 1 else each * (n_exits - 1)), -inf]
        if n_exits == 1:
            return [-inf]
        names = [THRESHOLDS_FILE.format(criterion=name) for name in (criterion, criterion.replace("-", "_"))]
        file = next((self._folder / name for name in names if (self._folder / name).is_file()), None)
        if file is None:
            raise ValueError(f"budget: this model has no thresholds of {criterion} to choose from; give thresholds")
        table = from_json(file.read_text(encoding="utf-8"), file.name)
        chosen: list[float] = table.threshold_PE[table.fitting(budget)].tolist()
        return chosen


def _levels(images_NKHW: np.ndarray[Any, Any]) -> Tensor:
    """Return fractions as uint8; raise ValueError for other values."""
    if not len(images_NKHW):
        raise ValueError("there are no images to predict")
    if not ((images_NKHW >= 0) & (images_NKHW <= 1)).all():  # nor is NaN within
        raise ValueError("pixels must be fractions from 0 to 1, images as files have them divided by 255")
    return torch.from_numpy(np.rint(images_NKHW.astype(np.float64) * LEVELS).astype(np.uint8))
