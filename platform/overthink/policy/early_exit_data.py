"""The early-exit data set D_ee: samples, each with the exit of M that it should leave at (thesis section 4.2)."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from overthink.data.dataset import Split
from overthink.policy.exit_labels import ExitLabels
from overthink.policy.label_spec import LabelSpec
from overthink.predictions.arrays import IntArray
from overthink.predictions.common_samples import on_common_samples
from overthink.predictions.predictions import Predictions


def early_exit_split(
    part: Split, predictions: Predictions, spec: LabelSpec, what: str, averaged: Sequence[Predictions] = ()
) -> Split:
    """Return the samples of a split that a competing exit gets right, labelled with the index of their exit.

    `predictions` are M's, `averaged` those of the trainings that labels are averaged over; `what` names the split in
    messages. Raises ValueError if the predictions are of other samples, or if all labels are equal.
    """
    rows_N = rows_of(part.ids_N, predictions.ids_N, what)
    labels = labels_of(spec, predictions, averaged)
    if np.count_nonzero(labels.count_C) < 2:
        counts = ", ".join(f"exit {exit}: {n}" for exit, n in zip(labels.exits, labels.count_C.tolist(), strict=True))
        raise ValueError(f"the early-exit data set made of the {what} has only one label ({counts})")
    chosen = part.rows(rows_N[labels.rows_M])
    return Split(chosen.images_NKHW, labels.label_M, chosen.levels_N, chosen.ids_N)


def labels_of(spec: LabelSpec, predictions: Predictions, averaged: Sequence[Predictions] = ()) -> ExitLabels:
    """Return the labels of the samples of M's predictions, by their rows: of those that all `averaged` trainings have.

    Without such trainings the labels are M's own. Raises ValueError where they and M have no sample in common.
    """
    if not averaged:
        return spec.of(predictions)
    network, *others = on_common_samples([predictions, *averaged])
    labels = spec.of(*others)
    return replace(labels, rows_M=np.flatnonzero(np.isin(predictions.ids_N, network.ids_N))[labels.rows_M])


def rows_of(known_N: IntArray, ids_M: IntArray, what: str) -> IntArray:
    """Return the row of each id in `known_N`; raise ValueError if an id is missing there."""
    if not len(known_N):
        raise ValueError(f"there are no samples of the {what} that the stored predictions could be of")
    order_N = np.argsort(known_N)
    place_M = np.searchsorted(known_N[order_N], ids_M).clip(max=len(known_N) - 1)
    rows_M: IntArray = order_N[place_M]
    if (known_N[rows_M] != ids_M).any():
        raise ValueError(f"the stored predictions on the {what} contain samples that the data set lacks")
    return rows_M


def shuffled(split: Split, rng: np.random.Generator) -> Split:
    """Return the samples with their labels randomly permuted, a control without anything to learn."""
    return Split(split.images_NKHW, rng.permutation(split.labels_N), split.levels_N, split.ids_N)
