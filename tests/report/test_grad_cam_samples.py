"""Which samples a Grad-CAM picture shows."""

import numpy as np

from overthink.predictions.predictions import Predictions
from overthink.report.grad_cam_samples import most_confidently_overthought


def test_the_most_confidently_overthought_come_first() -> None:
    """Of samples with label 0: 1 and 3 are lost at the last exit, 3 with more confidence."""
    logits_ENC = np.array([[[2, 0], [2, 0], [0, 2], [2, 0]], [[2, 0], [0, 1], [0, 5], [0, 3]]], dtype=np.float32)
    ids_N, labels_N = np.arange(4), np.zeros(4, dtype=np.int64)
    test = Predictions.from_logits(logits_ENC, labels_N, ids_N, labels_N, ("all",), [1, 2], "data", "test", False)
    assert most_confidently_overthought(test, 6).tolist() == [3, 1]
    assert most_confidently_overthought(test, 1).tolist() == [3]
