"""Classification of image files with a trained network that may exit early."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from overthink.exit_policies.policy import Point
from overthink.inference.exiting import EarlyExit, Exited, LeavingByRule
from overthink.networks.cost import mul_adds
from overthink.networks.folding import folded
from overthink.networks.kernels import TORCH, Kernels
from overthink.networks.multi_exit import MultiExitNetwork
from overthink.predictions.softmax import max_softmax
from overthink.running.inference_kernels import kernels_for_images, threads_beside
from overthink.running.trained_network import TrainedNetwork

BATCH = 256
EarlyExits = Callable[[MultiExitNetwork, Kernels], EarlyExit | LeavingByRule]


class Answer(NamedTuple):
    """The prediction for one image."""

    label: str
    """The class by its name."""
    confidence: float
    """Largest softmax value of the exit, a fraction."""
    exit: int
    """Number of the exit that was used, from 1."""
    mul_adds: int
    """MUL-ADDs up to and including that exit."""


class Classified(NamedTuple):
    """The prediction for one image file; fields as those of `Answer`."""

    file: str
    label: str
    confidence: float
    exit: int
    mul_adds: int


def classify(
    files: Sequence[Path], trained: TrainedNetwork, threshold_E: Sequence[float], criterion: str
) -> list[Classified]:
    """Return the prediction for each file; thresholds and criterion are those of `EarlyExit`.

    Images are converted as the data set's own are. Raises ValueError naming a file that is no usable image.
    """
    cost_E = mul_adds(trained.network, trained.definition.dataset.input_shape)
    return _classified(
        files, trained, cost_E, lambda network, kernels: EarlyExit(network, threshold_E, criterion, kernels)
    )


def classify_by_policy(files: Sequence[Path], trained: TrainedNetwork, policy: Point) -> list[Classified]:
    """Return the prediction for each file; samples leave, and are answered, by a fitted exit policy.

    Its own cost counts; the confidence is that of the exit, as for `classify`.
    """
    cost_E = [round(cost) for cost in policy.cost_E.tolist()]
    return _classified(files, trained, cost_E, lambda network, kernels: LeavingByRule(network, policy, kernels))


def _classified(
    files: Sequence[Path], trained: TrainedNetwork, cost_E: Sequence[int], early_exit: EarlyExits
) -> list[Classified]:
    """Return the prediction for each file, by early exits on the network that kernels can run.

    Images are converted as the data set's own are. Raises ValueError naming a file that is no usable image.
    """
    kernels = kernels_for_images(trained, min(len(files), BATCH))
    network = folded(trained.network) if kernels is TORCH else trained.network
    early = early_exit(network, kernels)
    found: list[Classified] = []
    for first in range(0, len(files), BATCH):
        some = files[first : first + BATCH]
        with threads_beside(kernels):
            answers = answers_of(early(trained.normalise(trained.read_images(some))), trained.data_info.classes, cost_E)
        found += [Classified(str(path), *answer) for path, answer in zip(some, answers, strict=True)]
    return found


def answers_of(exited: Exited, classes: Sequence[str], cost_E: Sequence[int]) -> list[Answer]:
    """Return where images exited as answers for people."""
    confidence_B = max_softmax(exited.logits_BC.numpy())  # for every criterion: patience only counts exits
    triples = zip(exited.predicted_B.tolist(), confidence_B.tolist(), exited.exit_B.tolist(), strict=True)
    return [Answer(classes[label], confidence, row + 1, cost_E[row]) for label, confidence, row in triples]
