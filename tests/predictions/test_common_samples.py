"""Samples that several networks have, in one order."""

from dataclasses import replace

import numpy as np
import pytest

from overthink.predictions.absent import needed
from overthink.predictions.common_samples import on_common_samples
from support.noise import predictions


def test_each_network_keeps_its_own_predictions() -> None:
    one, other = predictions(60, seed=1), predictions(60, seed=1)
    shuffled = np.random.default_rng(0).permutation(60)[:40]
    other = replace(
        other,
        **{
            name: getattr(other, name)[..., shuffled]
            for name in (
                *("ids_N", "labels_N", "levels_N", "predicted_EN"),
                *("max_softmax_EN", "entropy_EN", "top2_ratio_EN", "confusion_EN"),
            )
        },
    )
    first, second = on_common_samples([one, other])
    assert first.ids_N.tolist() == second.ids_N.tolist() == sorted(shuffled.tolist())
    for found in (first, second):  # both are of the same network
        np.testing.assert_array_equal(
            needed(found.predicted_EN, "classes"), needed(one.predicted_EN, "classes")[:, found.ids_N]
        )
        np.testing.assert_array_equal(
            needed(found.max_softmax_EN, "confidence"), needed(one.max_softmax_EN, "confidence")[:, found.ids_N]
        )
    assert [found.ids_N.tolist() for found in on_common_samples([other, one])] == [shuffled.tolist()] * 2


def test_logits_come_along() -> None:
    one = predictions(5)
    kept = replace(one, logits_ENC=np.zeros((4, 5, 5), dtype=np.float32))
    few = replace(predictions(3))
    assert on_common_samples([kept, few])[0].logits_ENC is not None
    assert on_common_samples([kept]) == [kept]


def test_what_has_nothing_in_common_or_contradicts() -> None:
    one = predictions(5)
    with pytest.raises(ValueError, match="2 predictions have no sample in common"):
        on_common_samples([one, replace(one, ids_N=one.ids_N + 5)])
    with pytest.raises(ValueError, match="different labels for the same samples"):
        on_common_samples([one, replace(one, labels_N=needed(one.labels_N, "labels") + 1)])
