"""Figures of a policy network whose answers are known."""

import numpy as np
import pytest

from overthink.policy.evidence import Evidence
from overthink.policy.label_spec import LabelSpec
from overthink.predictions.arrays import IntArray
from overthink.predictions.predictions import Predictions
from overthink.report.figures.policy_baselines import (
    answers_without_image,
    draw_answers_without_image,
    draw_routing,
    routing,
)
from overthink.report.figures.policy_labels import (
    draw_label_confusion,
    draw_label_recall,
    draw_label_shares,
    label_confusion,
    label_recall,
    label_shares,
)
from support.noise import TEST, VAL


def answers(label_N: IntArray, answer_N: IntArray, ids_N: IntArray | None = None) -> Predictions:
    """A policy network for exits 1 and 4 that gives these answers; even samples are easy."""
    n = len(label_N)
    return Predictions.from_logits(
        3 * np.eye(2, dtype=np.float32)[answer_N][None],
        labels_N=label_N,
        ids_N=np.arange(n) if ids_N is None else ids_N,
        levels_N=np.arange(n) % 2,
        level_names=("easy", "hard"),
        cost_E=np.array([1000]),
        fingerprint="policy",
        split="test",
        keep_logits=True,
    )


LABELS, ANSWERS = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])
ALL_TO_EXIT_1 = answers(np.zeros(60, dtype=np.int64), np.zeros(60, dtype=np.int64))
RUN = Evidence(LabelSpec(exits=(1, 4)), answers(LABELS, ANSWERS), answers(LABELS, ANSWERS), VAL, TEST, ALL_TO_EXIT_1)


def test_labels_by_hand() -> None:
    assert label_shares([RUN]).value_LC == ((0.25, 0.25), (0.25, 0.25))
    assert label_recall([RUN]).value_LC == ((1, 1), (0, 1))
    assert label_confusion([RUN]).share_CC == ((0.5, 0.5), (0, 1))


def test_drawings_of_labels_show_percent() -> None:
    assert [(bar.name, list(bar.y)) for bar in draw_label_shares(label_shares([RUN])).data] == [
        ("easy", [25, 25]),
        ("hard", [25, 25]),
    ]
    assert list(draw_label_recall(label_recall([RUN])).data[1].y) == [0, 100]
    assert [list(row) for row in draw_label_confusion(label_confusion([RUN])).data[0].z] == [[50, 50], [0, 100]]


def all_right() -> Evidence:
    spec = LabelSpec(exits=(1, 4))
    val, test = spec.of(VAL), spec.of(TEST)
    validation = answers(val.label_M[::4], val.label_M[::4], VAL.ids_N[val.rows_M[::4]])  # the rest trains
    return Evidence(
        spec, validation, answers(test.label_M, test.label_M, TEST.ids_N[test.rows_M]), VAL, TEST, RUN.everything
    )


WITH_ANSWERS = all_right()


def test_the_policy_network_stands_first_among_baselines() -> None:
    info = answers_without_image([WITH_ANSWERS, WITH_ANSWERS])
    assert (info.names[0], info.accuracy[0], info.balanced[0]) == ("policy network", 1, 1)
    assert dict(zip(info.names, info.accuracy, strict=True))["uniform guess"] == 0.5
    assert draw_answers_without_image(info).data[0].x[0] == 100


def test_labels_of_other_trainings_stand_last() -> None:
    values = {"another": (0.4, 0.3), "majority": (0.5, 0.35)}
    ceiling = {
        f"policy/ceiling/{name}/{score}": value
        for name, scores in values.items()
        for score, value in zip(("accuracy", "balanced_accuracy"), scores, strict=True)
    }
    info = answers_without_image([WITH_ANSWERS], ceiling)
    assert info.names[-2:] == ("another training's labels", "majority of other trainings")
    assert (info.accuracy[-2:], info.balanced[-2:]) == ((0.4, 0.5), (0.3, 0.35))
    assert info.names[:-2] == answers_without_image([WITH_ANSWERS]).names


def test_routing_all_samples_to_exit_1() -> None:
    info = routing([RUN])
    assert info.without_policy == pytest.approx((TEST.correct_EN[0].mean(), 10))
    assert info.with_policy.mean_cost == pytest.approx(1010)
    names = [trace.name for trace in draw_routing(info).data]
    assert names[-2:] == ["routed by the policy network", "its own cost included"]
