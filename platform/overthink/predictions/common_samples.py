"""Predictions of several networks on the samples that all of them have."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from overthink.predictions.arrays import IntArray
from overthink.predictions.correctness import same_samples
from overthink.predictions.predictions import PER_EXIT, PER_SAMPLE, Predictions


def on_common_samples(networks: Sequence[Predictions]) -> list[Predictions]:
    """Return each network's predictions for the samples that all networks have, in the order of the first network's.

    Raises ValueError where there is no such sample, or where one has several labels.
    """
    shared_N = networks[0].ids_N
    for other in networks[1:]:
        shared_N = shared_N[np.isin(shared_N, other.ids_N)]
    if len(shared_N) == 0:
        raise ValueError(f"these {len(networks)} predictions have no sample in common")
    found = [at_rows(one, _rows(one.ids_N, shared_N)) for one in networks]
    if not all(same_samples(one, found[0]) for one in found):
        raise ValueError(f"these {len(networks)} predictions have different labels for the same samples")
    return found


def in_order_of_ids(one: Predictions) -> Predictions:
    """Return predictions with their samples in the order of their ids, so that other files' can be compared."""
    return at_rows(one, np.argsort(one.ids_N))


def _rows(ids_N: IntArray, wanted_M: IntArray) -> IntArray:
    order_N = np.argsort(ids_N)
    rows_M: IntArray = order_N[np.searchsorted(ids_N[order_N], wanted_M)]
    return rows_M


def at_rows(one: Predictions, rows_M: IntArray) -> Predictions:
    """Return the predictions of some rows, in that order."""
    if len(rows_M) == len(one.ids_N) and (rows_M == np.arange(len(rows_M))).all():
        return one
    names = [*(field.array for field in PER_SAMPLE + PER_EXIT), "given_correct_EN"]
    known = {name: values for name in names if (values := getattr(one, name)) is not None}
    fields = {name: values[..., rows_M] for name, values in known.items()}
    return replace(one, **fields, logits_ENC=None if one.logits_ENC is None else one.logits_ENC[:, rows_M])
