"""A trained run of two exits with a connection between them, in a store or not, and what it predicts."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from overthink.data.catalogue import load_dataset
from overthink.definition.run_definition import RunDefinition
from overthink.inference.budgeted import LookupTable, lookup_table
from overthink.predictions.predictions import Predictions
from overthink.running.run import train
from overthink.running.trained_network import TrainedNetwork, restored
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.writer import Writer
from overthink.training.checkpoint import NAME
from support.small import small

REGIME = [{"epochs": 1}, {"epochs": 1, "attach": {"kind": "isc", "width": 8}}]
NETWORK = {"kind": "msdnet", "blocks": 2, "channels": 4, "growth": 2, "head_channels": 8}


class Predicted(NamedTuple):
    """Of the test images, in their order."""

    classes: list[str]
    confidence: list[float]
    exits: list[int]


class TwoExits(NamedTuple):
    run: RunDefinition
    folder: Path
    """With what the run left."""

    @property
    def network(self) -> TrainedNetwork:
        return restored(self.run, self.folder / NAME)

    @property
    def test_images(self) -> np.ndarray[Any, np.dtype[np.uint8]]:
        return load_dataset(self.run.dataset, None).test.images_NKHW

    def table(self, criterion: str = "max-softmax") -> LookupTable:
        return lookup_table(Predictions.read(self.folder / "val.parquet"), criterion)

    def predicted(self, limit: float) -> Predicted:
        """Return what the whole network's logits say, with a threshold of exit 1 on the largest softmax value."""
        network = self.network
        softmax_ENC = network.logits(torch.from_numpy(self.test_images)).softmax(dim=2).numpy()
        row_N = np.where(softmax_ENC[0].max(axis=1) >= limit, 0, 1)
        chosen_NC = softmax_ENC[row_N, np.arange(len(row_N))]
        classes = [network.data_info.classes[label] for label in chosen_NC.argmax(axis=1)]
        return Predicted(classes, chosen_NC.max(axis=1).tolist(), (row_N + 1).tolist())

    def half(self) -> float:
        """Return a threshold at which about half of the test images leave, and no rounding decides."""
        sure_N = self.network.logits(torch.from_numpy(self.test_images))[0].softmax(dim=1).amax(dim=1).sort().values
        row = 30 + int((sure_N[30:50] - sure_N[29:49]).argmax())
        return float(sure_N[row] + sure_N[row - 1]) / 2

    def stored(self, store: Store, with_checkpoint: bool = True) -> str:
        """Log the run as a finished one; return its id."""
        writer = Writer(store)
        of_run = {tags.KIND: tags.KIND_RUN, tags.RUN_KEY: self.run.key}
        created = writer.create(store.experiment("small", "note"), "seed 0 · base · small", of_run, {})
        writer.text(created, tags.DEFINITION_FILE, self.run.model_dump(mode="json"))
        writer.artifacts(created, [self.folder / "val.parquet", self.folder / "test.parquet"], "predictions")
        if with_checkpoint:
            writer.artifacts(created, [self.folder / NAME], "checkpoint")
        writer.close(created, tags.FINISHED)
        return created


def two_exits(folder: Path) -> TwoExits:
    """Train the run."""
    run = small(folder, regime=REGIME, seeds=1, network=NETWORK).groups[0].runs[0]
    for _ in train(run, folder):
        pass
    return TwoExits(run, folder)
