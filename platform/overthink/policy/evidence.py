"""The predictions that a policy network is evaluated with: its own, and those of its main network M."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from overthink.policy.early_exit_data import labels_of, rows_of
from overthink.policy.exit_labels import ExitLabels
from overthink.policy.label_spec import LabelSpec
from overthink.predictions.absent import needed
from overthink.predictions.arrays import FloatArray, IntArray
from overthink.predictions.predictions import Predictions
from overthink.predictions.softmax import softmax


@dataclass(frozen=True)
class Answers:
    """A policy network's predictions for labelled samples; its classes are indices into the competing exits."""

    exits: tuple[int, ...]
    label_N: IntArray
    predicted_N: IntArray
    probability_NC: FloatArray
    """Softmax of each class."""
    levels_N: IntArray
    level_names: tuple[str, ...]

    @classmethod
    def of(cls, predictions: Predictions, exits: tuple[int, ...]) -> "Answers":
        """Return the answers of a policy network's last exit; its logits must have been stored."""
        assert predictions.logits_ENC is not None
        return cls(
            exits,
            needed(predictions.labels_N, "labels"),
            needed(predictions.predicted_EN, "classes")[-1],
            softmax(predictions.logits_ENC[-1]),
            predictions.levels_N,
            predictions.level_names,
        )

    @property
    def right_N(self) -> IntArray:  # noqa: N802 - named like the arrays it stands beside
        """1 if the answer is the label, else 0."""
        return np.equal(self.predicted_N, self.label_N).astype(np.int64)


@dataclass(frozen=True)
class Evidence:
    """Predictions of a policy network and of its main network M."""

    labels: LabelSpec
    validation: Predictions
    """The policy network's, on the validation part of D_ee."""
    test: Predictions
    network_validation: Predictions
    """M's."""
    network_test: Predictions
    everything: Predictions
    """The policy network's on all test samples of M, unlabelled ones included; its labels are meaningless."""
    averaged_validation: tuple[Predictions, ...] = ()
    averaged_test: tuple[Predictions, ...] = ()
    """Of the trainings that labels are averaged over; empty where they are M's own."""

    @cached_property
    def validation_labels(self) -> ExitLabels:
        """The labels of M's validation samples, by rows of `network_validation`."""
        return labels_of(self.labels, self.network_validation, self.averaged_validation)

    @cached_property
    def test_labels(self) -> ExitLabels:
        """The labels of M's test samples, by rows of `network_test`."""
        return labels_of(self.labels, self.network_test, self.averaged_test)

    @cached_property
    def exits(self) -> tuple[int, ...]:
        """The exits that compete."""
        return self.labels.chosen(self.network_test.n_exits)

    @cached_property
    def answers(self) -> Answers:
        """The policy network's answers on the test set of D_ee."""
        return Answers.of(self.test, self.exits)

    @cached_property
    def cost(self) -> int:
        """MUL-ADDs of the policy network for one sample."""
        return int(needed(self.test.cost_E, "costs")[-1])

    @cached_property
    def exit_rows_N(self) -> IntArray:  # noqa: N802 - named like the arrays it stands beside
        """For each test sample of M, the row of the exit that the policy network chooses."""
        order_N = rows_of(self.everything.ids_N, self.network_test.ids_N, "test data")
        rows_N: IntArray = (np.array(self.exits) - 1)[needed(self.everything.predicted_EN, "classes")[-1][order_N]]
        return rows_N

    @cached_property
    def training_rows_M(self) -> IntArray:  # noqa: N802 - named like the arrays it stands beside
        """Rows of M's validation samples that have a label and are not validation samples of the policy network."""
        rows_M = self.validation_labels.rows_M
        if self.labels.source == "training":
            return rows_M
        return rows_M[~np.isin(self.network_validation.ids_N[rows_M], self.validation.ids_N)]


def check_evidence(evidence: Evidence) -> None:
    """Raise ValueError where predictions that were stored apart do not fit together."""
    n_classes = len(evidence.exits)
    for name in ("validation", "test", "everything"):
        logits_ENC = getattr(evidence, name).logits_ENC
        if logits_ENC is None or logits_ENC.shape[2] != n_classes:
            raise ValueError(f"the policy network's predictions of {name} have no logits of {n_classes} classes")
    main, validation = evidence.network_test, evidence.network_validation
    if main.exits != validation.exits:
        raise ValueError("the main network's predictions of val and test are of two networks")
    rows_of(main.ids_N[evidence.test_labels.rows_M], evidence.test.ids_N, "test data")
    _ = evidence.validation_labels, evidence.exit_rows_N
