import numpy as np
import pytest

from overthink.exit_policies.catalogue import policies
from overthink.inference.confidence import CRITERIA, confidence, criterion_named
from overthink.predictions.predictions import Predictions


def at_confidence(tenths_ENC: list[list[list[float]]]) -> Predictions:
    n_exits, n_samples = len(tenths_ENC), len(tenths_ENC[0])
    return Predictions.from_logits(
        logits_ENC=np.log(np.array(tenths_ENC)),
        labels_N=np.zeros(n_samples, dtype=np.int64),
        ids_N=np.arange(n_samples),
        levels_N=np.zeros(n_samples, dtype=np.int64),
        level_names=(),
        cost_E=np.arange(1, n_exits + 1),
        fingerprint="",
        split="val",
        keep_logits=False,
    )


def test_hand_worked_confidences() -> None:
    predictions = at_confidence([[[0.5, 0.5], [0.75, 0.25]]])
    assert confidence(predictions, "max-softmax") == pytest.approx(np.array([[0.5, 0.75]]))
    assert confidence(predictions, "top2-ratio") == pytest.approx(np.array([[1.0, 3.0]]), rel=1e-6)
    printed = 0.75 * np.log(0.75) + 0.25 * np.log(0.25)  # thesis eq. 3.8, no minus sign
    assert confidence(predictions, "entropy") == pytest.approx(np.array([[-np.log(2), printed]]), rel=1e-6)


@pytest.mark.parametrize("criterion", [criterion for criterion in CRITERIA if criterion != "patience"])
def test_higher_always_means_more_confident(criterion: str) -> None:
    growing = [[share, 1 - share] for share in (0.5, 0.55, 0.7, 0.9, 0.99, 0.999999)]
    confidence_EN = confidence(at_confidence([growing]), criterion)
    assert (np.diff(confidence_EN[0]) > 0).all()


def test_names_as_earlier_versions_spelt_them() -> None:
    assert [criterion_named(name) for name in ("max_softmax", "top2_ratio")] == ["max-softmax", "top2-ratio"]
    assert {*CRITERIA} <= {*policies()}


def test_an_unknown_criterion_is_refused() -> None:
    with pytest.raises(ValueError, match="max-softmax, entropy, top2-ratio, patience, got 'margin'"):
        confidence(at_confidence([[[0.5, 0.5]]]), "margin")
