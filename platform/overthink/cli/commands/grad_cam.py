"""`overthink grad-cam`: where each exit of a stored run looks (thesis figure 3.9)."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import torch
from rich.console import Console

from overthink.cli.commands.chosen import the_run
from overthink.cli.commands.images import dataset_of
from overthink.cli.commands.output_path import check_picture
from overthink.cli.commands.predict import fetch, normalised
from overthink.cli.exit_codes import OK
from overthink.definition.errors import DefinitionError
from overthink.inference.grad_cam import grad_cam
from overthink.metrics.overthinking import finally_overthought
from overthink.policy.early_exit_data import rows_of
from overthink.predictions.arrays import IntArray
from overthink.predictions.predictions import Predictions
from overthink.report.grad_cam_picture import Looked, Said, grad_cam_picture
from overthink.report.safe_text import print_text
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.stored import StoredRun
from overthink.store.writer import Writer


class GradCamOptions(NamedTuple):
    """What the command line said."""

    samples: tuple[int, ...]
    pick: int
    true_class: bool
    output: Path | None
    data_root: Path | None


def show(name: str, options: GradCamOptions, console: Console) -> int:
    """Draw the samples asked for, or those that the last exit overthinks most surely; add the picture to the run."""
    if options.output is not None:
        check_picture("--output", options.output)
    store = Store()
    run = the_run(store, name)
    test = store.predictions(run.run_id, "test")
    rows_M = _asked(test, options.samples) if options.samples else most_surely_overthought(test, options.pick)
    if not len(rows_M):
        raise DefinitionError(f"{name}: no test sample is overthought by the last exit; --samples 1,2 shows any")
    picture = grad_cam_picture(_looked(store, run, test, rows_M, options))
    with TemporaryDirectory() as folder:
        file = Path(folder) / Path(tags.GRAD_CAM_PICTURE).name
        picture.save(file)
        Writer(store).artifacts(run.run_id, [file], str(Path(tags.GRAD_CAM_PICTURE).parent))
    if options.output is not None:
        picture.save(options.output)
        print_text(console, f"written: {options.output}")
    print_text(console, f"{run.name}: {len(rows_M)} samples; the picture is its artifact {tags.GRAD_CAM_PICTURE}.")
    return OK


def _looked(store: Store, run: StoredRun, test: Predictions, rows_M: IntArray, options: GradCamOptions) -> list[Looked]:
    _, (network, inputs) = fetch(store, run, options.data_root)
    dataset = dataset_of(store, run, options.data_root)
    images_MKHW = dataset.test.images_NKHW[rows_of(dataset.test.ids_N, test.ids_N[rows_M], "test data")]
    class_EM = test.predicted_EN[:, rows_M]
    if options.true_class:
        class_EM = np.broadcast_to(test.labels_N[rows_M], class_EM.shape)
    heat_EMHW = grad_cam(network, normalised(torch.from_numpy(images_MKHW), inputs), torch.tensor(class_EM)).numpy()
    return [
        Looked(image_KHW, heat_EMHW[:, place].astype(np.float64), *_words(test, row, inputs.classes))
        for place, (row, image_KHW) in enumerate(zip(rows_M.tolist(), images_MKHW, strict=True))
    ]


def most_surely_overthought(test: Predictions, count: int) -> IntArray:
    """Return rows of the samples that an earlier exit has right and the last one wrong, most surely wrong first."""
    rows_M = np.flatnonzero(finally_overthought(test.correct_EN))
    order_M = np.argsort(-test.max_softmax_EN[-1, rows_M], kind="stable")
    return rows_M[order_M][:count]


def _asked(test: Predictions, ids: Sequence[int]) -> IntArray:
    known = dict(zip(test.ids_N.tolist(), range(len(test.ids_N)), strict=True))
    if absent := [number for number in ids if number not in known]:
        raise DefinitionError(f"--samples: no test sample has the id {absent[0]}")
    return np.array([known[number] for number in ids])


def _words(test: Predictions, row: int, classes: Sequence[str]) -> tuple[str, tuple[Said, ...]]:
    label = int(test.labels_N[row])
    answers = zip(test.predicted_EN[:, row].tolist(), test.max_softmax_EN[:, row].tolist(), strict=True)
    said = tuple(Said(classes[predicted], sure, predicted == label) for predicted, sure in answers)
    return f"sample {test.ids_N[row]}\n{classes[label]}", said
