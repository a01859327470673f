"""A cascade: separate networks in order of cost, each run from its beginning, seen as one multi-exit network.

Thesis section 3.2.1: the answer of network i is given, or network i + 1 is run in addition, which has to start anew. So
costs add up, and under a budget the most accurate network counts whose turn it still pays for (eq. 3.4).
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np

from overthink.predictions.arrays import BoolArray, CostArray, IntArray
from overthink.predictions.arrays import costs as as_costs
from overthink.predictions.common_samples import in_order_of_ids
from overthink.predictions.importing import content_digest
from overthink.predictions.predictions import PER_EXIT, Predictions
from overthink.predictions.softmax import l1_distance


class Member(NamedTuple):
    """What one network contributes: the answers of one of its exits."""

    name: str
    """For messages."""
    predictions: Predictions
    exit: int
    """Numbered from 1."""

    @property
    def cost(self) -> float:
        """Its own cost up to and including the exit; raises ValueError where it cannot be added to others'."""
        if self.predictions.cost_E is None:
            raise ValueError(f"{self.name}: its costs are not known, so that its place in a cascade is not either")
        if self.predictions.cost_unit == "relative":
            raise ValueError(f"{self.name}: its costs are relative to its own last exit and cannot be added to others'")
        return float(self.predictions.cost_E[self.exit - 1])

    @property
    def accuracy(self) -> float:
        """Fraction of the samples that the exit gets right."""
        return float(self.predictions.correct_EN[self.exit - 1].mean())


def order_of_cost(costs: Sequence[float], accuracies: Sequence[float] | None) -> list[int]:
    """Return the places of networks from the cheapest to the costliest; of equal costs, the more accurate one first.

    >>> order_of_cost([30, 10, 10], [0.9, 0.5, 0.6])
    [2, 1, 0]
    """
    rank = [0.0] * len(costs) if accuracies is None else [-accuracy for accuracy in accuracies]
    return sorted(range(len(costs)), key=lambda place: (costs[place], rank[place]))


def dominated_by(accuracies: Sequence[float]) -> list[int | None]:
    """Return for each network, in order of cost, the most accurate cheaper one that is at least as accurate, or None.

    A network with such a rival is dominated and adds nothing to a cascade (thesis section 3.2.1).

    >>> dominated_by([0.5, 0.7, 0.6, 0.7, 0.8])
    [None, None, 1, 1, None]
    """
    best: int | None = None
    found: list[int | None] = []
    for place, accuracy in enumerate(accuracies):
        if best is not None and accuracies[best] >= accuracy:
            found.append(best)
        else:
            found.append(None)
            best = place
    return found


def cascade(members: Sequence[Member]) -> Predictions:
    """Return the predictions of a cascade: exit i answers as member i, and costs the sum of members 1..i.

    Members are given in order of cost. Samples are ordered by id. What one member does not know, the cascade does not.
    Raises ValueError, naming the member, where members were asked about other samples, or know other classes.
    """
    assert len(members) > 1
    members = [one._replace(predictions=in_order_of_ids(one.predictions)) for one in members]
    first = members[0]
    for other in members[1:]:
        _check_fits(first, other)
    every = [one.predictions for one in members]
    labels_N = next((one.labels_N for one in every if one.labels_N is not None), None)
    known = {field.array: _stacked(members, field.array) for field in PER_EXIT}
    told = labels_N is not None and known["predicted_EN"] is not None
    logits_ENC = _stacked(members, "logits_ENC")
    known["confusion_EN"] = None
    if logits_ENC is not None:
        known["confusion_EN"] = np.stack([l1_distance(logits_NC, logits_ENC[-1]) for logits_NC in logits_ENC])
        known["confusion_EN"][-1] = 0
    found = Predictions(
        ids_N=first.predictions.ids_N,
        labels_N=labels_N,
        levels_N=first.predictions.levels_N,
        level_names=first.predictions.level_names,
        **known,
        logits_ENC=logits_ENC,
        cost_E=_added(members),
        cost_unit=first.predictions.cost_unit,
        fingerprint="cascade",
        split=first.predictions.split,
        given_correct_EN=None if told else _correct(members),
    )
    return replace(found, fingerprint=f"cascade {content_digest(found)[:16]}")


def _stacked(members: Sequence[Member], name: str) -> Any:
    """Return an array of the members' exits, (E, N) or (E, N, C); None where one of them does not have it."""
    arrays = [getattr(one.predictions, name) for one in members]
    if any(values is None for values in arrays):
        return None
    return np.stack([values[one.exit - 1] for values, one in zip(arrays, members, strict=True)])


def _correct(members: Sequence[Member]) -> BoolArray:
    return np.stack([one.predictions.correct_EN[one.exit - 1] for one in members])


def _added(members: Sequence[Member]) -> CostArray:
    unit, whole = members[0].predictions.cost_unit, list(accumulate(one.cost for one in members))
    return as_costs([int(cost) for cost in whole] if unit == "MUL-ADDs" else whole, unit)


def _check_fits(first: Member, other: Member) -> None:
    one, two = first.predictions, other.predictions
    where = f"{first.name} and {other.name}"
    if not np.array_equal(one.ids_N, two.ids_N):
        raise ValueError(
            f"{where} have predictions of different {one.split} samples ({len(one.ids_N):,} and {len(two.ids_N):,}, "
            f"{_in_common(one.ids_N, two.ids_N):,} in common); a cascade needs networks of one data set and split"
        )
    if one.labels_N is not None and two.labels_N is not None and not np.array_equal(one.labels_N, two.labels_N):
        raise ValueError(f"{where} have different labels for the same {one.split} samples")
    if one.level_names != two.level_names or not np.array_equal(one.levels_N, two.levels_N):
        raise ValueError(f"{where} have different levels for the same {one.split} samples")
    if one.logits_ENC is not None and two.logits_ENC is not None:
        classes = one.logits_ENC.shape[2], two.logits_ENC.shape[2]
        if classes[0] != classes[1]:
            raise ValueError(f"{where} have {classes[0]} and {classes[1]} classes")
    if one.cost_unit != two.cost_unit:
        raise ValueError(f"{where} have costs in {one.cost_unit} and {two.cost_unit}, which cannot be added")


def _in_common(one_N: IntArray, two_N: IntArray) -> int:
    return len(np.intersect1d(one_N, two_N))
