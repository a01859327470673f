"""Files of predictions as other groups write them: columns an exit, arrays, nothing of this package."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

CORRECT = "Correct_Exit_{i}"
CONFIDENCE = "Conf_Exit_{i}"
COLUMNS = ("--ids", "Sample", "--confidence", CONFIDENCE, "--correct", CORRECT)


class Outside(NamedTuple):
    """A network of somebody else: three exits, classes that differ in how hard they are."""

    logits_ENC: NDArray[np.float64]
    labels_N: NDArray[np.int64]

    @property
    def probabilities_ENC(self) -> NDArray[np.float64]:  # noqa: N802
        power_ENC = np.exp(self.logits_ENC)
        return np.asarray(power_ENC / power_ENC.sum(axis=2, keepdims=True))

    @property
    def correct_EN(self) -> NDArray[np.bool_]:  # noqa: N802
        return np.asarray(self.logits_ENC.argmax(axis=2) == self.labels_N)


def outside(seed: int = 0, samples: int = 120, classes: int = 4) -> Outside:
    """Seeds give other networks that are asked about the same samples."""
    rng = np.random.default_rng(seed)
    labels_N = np.arange(samples) % classes
    logits_ENC = rng.normal(size=(3, samples, classes))
    for exit in range(3):
        logits_ENC[exit, np.arange(samples), labels_N] += labels_N * (0.5 + 0.4 * exit)
    return Outside(logits_ENC, labels_N)


def write_text(path: Path, network: Outside, delimiter: str = "\t") -> Path:
    """Confidence (four decimals) and correctness an exit, as researchers' scripts print them."""
    sure_EN = network.probabilities_ENC.max(axis=2)
    head = ["Sample", *(f"Conf_Exit_{i}" for i in (1, 2, 3)), *(f"Correct_Exit_{i}" for i in (1, 2, 3))]
    rows = [
        [str(row), *(f"{sure:.4f}" for sure in sure_EN[:, row]), *map(str, network.correct_EN[:, row].astype(int))]
        for row in range(len(network.labels_N))
    ]
    path.write_text("\n".join(delimiter.join(line) for line in [head, *rows]) + "\n", encoding="utf-8")
    return path
