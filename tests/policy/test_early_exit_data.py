"""The early-exit data set, and what is refused."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from overthink.data.dataset import Split
from overthink.policy.early_exit_data import early_exit_split, labels_of, shuffled
from overthink.policy.label_spec import LabelSpec
from overthink.predictions.absent import needed
from overthink.predictions.common_samples import on_common_samples
from overthink.predictions.predictions import Predictions
from overthink.seeds import Seeds
from support.noise import predictions


def part(count: int, first: int = 0) -> Split:
    """Samples in another order than the predictions about them; an image's pixels say its id."""
    ids_N = np.random.default_rng(0).permutation(count) + first
    images_NKHW = np.broadcast_to((ids_N % 256).astype(np.uint8)[:, None, None, None], (count, 1, 2, 2)).copy()
    return Split(images_NKHW, np.zeros(count, dtype=np.int64), ids_N % 3, ids_N)


@pytest.mark.parametrize("spec", [LabelSpec(), LabelSpec(rule="first", exits=(2, 4)), LabelSpec(weight=0.5)])
def test_every_sample_keeps_its_image_and_gets_its_label(spec: LabelSpec) -> None:
    p = predictions(80, seed=4)
    found, labels = early_exit_split(part(80), p, spec, "test data"), spec.of(p)
    wanted = dict(zip(p.ids_N[labels.rows_M].tolist(), labels.label_M.tolist(), strict=True))
    assert dict(zip(found.ids_N.tolist(), found.labels_N.tolist(), strict=True)) == wanted
    assert (found.images_NKHW[:, 0, 0, 0] == found.ids_N).all()
    assert (found.levels_N == found.ids_N % 3).all()


def test_predictions_about_other_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="contain samples that the data set lacks"):
        early_exit_split(part(80, first=7), predictions(80), LabelSpec(), "test data")


def test_one_label_is_nothing_to_learn() -> None:
    p = predictions(80)
    object.__setattr__(
        p, "predicted_EN", np.repeat(needed(p.labels_N, "labels")[None], 4, axis=0)
    )  # every exit is right
    with pytest.raises(ValueError, match=r"has only one label \(exit 1: 80, exit 2: 0"):
        early_exit_split(part(80), p, LabelSpec(rule="first"), "validation data")


def test_shuffling_keeps_the_counts_and_breaks_the_tie() -> None:
    split = early_exit_split(part(80), predictions(80, seed=4), LabelSpec(), "test data")
    again = shuffled(split, np.random.default_rng(1))
    assert np.bincount(again.labels_N).tolist() == np.bincount(split.labels_N).tolist()
    assert (again.labels_N != split.labels_N).any()
    assert (again.ids_N == split.ids_N).all()


def test_training_data_must_be_asked_for() -> None:
    with pytest.raises(ValidationError, match="trained on and has memorised"):
        LabelSpec(source="training")
    assert LabelSpec(source="training", allow_training_data=True).label == "lambda 5, training data"


@pytest.mark.parametrize("weight", [0, -1.0])
def test_lambda_is_positive(weight: float) -> None:
    with pytest.raises(ValidationError, match="greater than 0"):
        LabelSpec.model_validate({"lambda": float(weight)})


def some(p: Predictions, ids: list[int]) -> Predictions:
    """Predictions of some samples alone, in that order."""
    return on_common_samples(
        [replace(predictions(len(ids)), ids_N=np.array(ids), labels_N=needed(p.labels_N, "labels")[ids]), p]
    )[1]


def test_labels_of_several_trainings_are_of_samples_that_all_and_m_held_out() -> None:
    spec, mine = LabelSpec(averaged_over=(0, 1)), predictions(80, seed=4)
    one, other = some(mine, [5, 70, 2, 9, 33]), some(mine, [2, 33, 70, 50, 9])
    labels = spec.of(*on_common_samples([one, other]))
    found = early_exit_split(part(80), mine, spec, "validation data", [one, other])
    assert set(found.ids_N.tolist()) <= {2, 9, 33, 70}
    assert (np.diff(found.ids_N) > 0).all()  # in the order of M's predictions
    assert len(found.ids_N) == len(labels.rows_M)
    rows = labels_of(spec, mine, [one, other]).rows_M
    assert mine.ids_N[rows].tolist() == found.ids_N.tolist()
    with pytest.raises(ValueError, match="3 predictions have no sample in common"):
        early_exit_split(part(80), mine, spec, "validation data", [some(mine, [1, 2]), some(mine, [3, 4])])


def test_equal_sets_of_trainings_are_equal_definitions() -> None:
    one = Seeds(split=1, init=1, order=1, augment=1)
    spec = LabelSpec(averaged_over=(2, 0, one))
    assert spec.averaged_over == (0, 1, 2)
    assert spec.label == spec.test_label == "lambda 5, averaged over seeds 0:3"
    fixed = Seeds(split=0, init=1, order=1, augment=1)
    assert LabelSpec(averaged_over=(fixed, 0)).averaged_seeds[1] == fixed
    assert LabelSpec().averaged_seeds == ()


@pytest.mark.parametrize(
    "options, words",
    [
        ({"averaged_over": (0,)}, "at least 2 items"),
        ({"averaged_over": (0, 1, 0)}, "averaged_over names a training twice: 0 1"),
        (
            {"averaged_over": (0, 1), "source": "training", "allow_training_data": True},
            "averaged_over needs source: validation",
        ),
    ],
)
def test_what_cannot_be_averaged(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        LabelSpec(**options)
