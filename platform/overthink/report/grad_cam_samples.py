"""The samples of a Grad-CAM picture: which ones, and what each exit of a stored run predicts and looks at."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from overthink.inference.grad_cam import grad_cam
from overthink.metrics.overthinking import finally_overthought
from overthink.policy.early_exit_data import rows_of
from overthink.predictions.absent import needed
from overthink.predictions.arrays import IntArray
from overthink.predictions.predictions import Predictions
from overthink.report.grad_cam_picture import ExitAnswer, ExplainedSample
from overthink.running.stored_run import check_trained_here, dataset_of, network_of
from overthink.store.readable_store import ReadableStore
from overthink.store.stored import StoredRun


def rows_of_samples(test: Predictions, ids: Sequence[int]) -> IntArray:
    """Return the rows (M,) of samples by their ids; raise ValueError for an unknown id."""
    known = dict(zip(test.ids_N.tolist(), range(len(test.ids_N)), strict=True))
    if absent := [number for number in ids if number not in known]:
        raise ValueError(f"--samples: no test sample has the id {absent[0]}")
    return np.array([known[number] for number in ids])


def most_confidently_overthought(test: Predictions, count: int) -> IntArray:
    """Return the rows of up to `count` samples that an earlier exit gets right and the last one wrong.

    Ordered by the confidence of the last exit in its wrong class, highest first.
    """
    rows_M = np.flatnonzero(finally_overthought(test.correct_EN))
    order_M = np.argsort(-needed(test.max_softmax_EN, "confidence")[-1, rows_M], kind="stable")
    return rows_M[order_M][:count]


def grad_cam_samples(
    store: ReadableStore, run: StoredRun, test: Predictions, rows_M: IntArray, true_class: bool, data_root: Path | None
) -> list[ExplainedSample]:
    """Return each sample as a picture with its map of every exit, of the predicted class or of the true one.

    Raises DefinitionError where the data set is not on this machine, or differs from the one of the run.
    """
    check_trained_here(run)
    trained = network_of(store, run.run_id, data_root)
    dataset = dataset_of(store, run, data_root)
    images_MKHW = dataset.test.images_NKHW[rows_of(dataset.test.ids_N, test.ids_N[rows_M], "test data")]
    class_EM = needed(test.predicted_EN, "classes")[:, rows_M]
    if true_class:
        class_EM = np.broadcast_to(needed(test.labels_N, "labels")[rows_M], class_EM.shape)
    inputs_MKHW = trained.normalise(torch.from_numpy(images_MKHW))
    pictures_MKHW = trained.definition.dataset.pictures(images_MKHW)
    size = pictures_MKHW.shape[2], pictures_MKHW.shape[3]
    heat_EMHW = grad_cam(trained.network, inputs_MKHW, torch.tensor(class_EM), size).numpy()
    return [
        ExplainedSample(
            picture_KHW, heat_EMHW[:, place].astype(np.float64), *_words(test, row, trained.data_info.classes)
        )
        for place, (row, picture_KHW) in enumerate(zip(rows_M.tolist(), pictures_MKHW, strict=True))
    ]


def _words(test: Predictions, row: int, classes: Sequence[str]) -> tuple[str, tuple[ExitAnswer, ...]]:
    label = int(needed(test.labels_N, "labels")[row])
    predicted_E = needed(test.predicted_EN, "classes")[:, row].tolist()
    answers = zip(predicted_E, needed(test.max_softmax_EN, "confidence")[:, row].tolist(), strict=True)
    found = tuple(ExitAnswer(classes[predicted], sure, predicted == label) for predicted, sure in answers)
    return f"sample {test.ids_N[row]}\nclass {classes[label]}", found
