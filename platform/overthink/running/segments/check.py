"""Whether segments that were written compute what the package itself predicts."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from overthink.data.digits import default_root
from overthink.inference.exiting import SURENESS, Exited, exited
from overthink.inference.patience import PATIENCE
from overthink.networks.folding import folded
from overthink.networks.passage import Passage, TorchPassage
from overthink.running.segments.description import CheckInfo
from overthink.running.segments.files import SegmentPassage, Step
from overthink.running.trained_network import TrainedNetwork

IMAGES = 100
TOLERANCE = 1e-5
"""Largest difference of a logit, times the largest logit where that is above 1: it is float32."""
ROUNDING = 1e-6
"""Of float32, for batches of another size: a difference of a logit, times the largest logit where that is above 1."""


class ImagesForCheck(NamedTuple):
    """What files are checked with."""

    images_BKHW: Tensor
    """uint8."""
    of: str


class MismatchError(ValueError):
    """Files do not compute what the package predicts."""


def images_for_check(trained: TrainedNetwork, data_root: Path | None) -> ImagesForCheck:
    """Return the first test images, or noise where the data set is not here."""
    spec = trained.definition.dataset
    if spec.is_here(data_root or default_root()):
        return ImagesForCheck(torch.from_numpy(trained.test_set(data_root).images_NKHW[:IMAGES]), "test images")
    noise_BKHW = np.random.default_rng(0).integers(0, 256, (IMAGES, *spec.input_shape), dtype=np.uint8)
    return ImagesForCheck(torch.from_numpy(noise_BKHW), "noise, since the data set is not here")


def check_segments(
    steps: Sequence[Step], trained: TrainedNetwork, threshold_E: Sequence[float], criterion: str, given: ImagesForCheck
) -> CheckInfo:
    """Compare segments with the package's own prediction: logits of every exit, then exits, classes and logits.

    Raises MismatchError where they differ. What is decided by differences of logits as small as those that were seen
    between all logits is left to rounding: the exit of an image near a threshold, the class of two equal logits.
    """
    images_BKHW, own = trained.normalise(given.images_BKHW), folded(trained.network)
    n_images, n_exits = len(images_BKHW), own.n_exits
    expected_EBC = _all_logits(TorchPassage(own, images_BKHW), n_exits)
    difference = _largest_difference(expected_EBC, _all_logits(SegmentPassage(steps, images_BKHW), n_exits))
    slack = max(difference, ROUNDING * float(expected_EBC.abs().max().clamp(min=1)))
    expected = exited(TorchPassage(own, images_BKHW), n_images, threshold_E, criterion)
    found = exited(SegmentPassage(steps, images_BKHW), n_images, threshold_E, criterion)
    near_B = _near(expected_EBC, threshold_E, criterion, slack)
    _check_exits(expected, found, near_B, slack)
    return CheckInfo(images=n_images, of=given.of, largest_difference=difference, by_rounding=int(near_B.sum()))


def _all_logits(passage: Passage, n_exits: int) -> Tensor:
    return torch.stack([passage.next_logits() for _ in range(n_exits)])


def _largest_difference(expected: Tensor, found: Tensor) -> float:
    """Return the largest difference of logits (..., images, classes), exit by exit where there are several."""
    if expected.shape != found.shape:
        raise MismatchError(f"logits have shape {tuple(found.shape)}, expected {tuple(expected.shape)}")
    difference_E = (expected - found).abs().flatten(1).amax(dim=1)
    allowed_E = TOLERANCE * expected.abs().flatten(1).amax(dim=1).clamp(min=1)
    for number, (difference, allowed) in enumerate(zip(difference_E.tolist(), allowed_E.tolist(), strict=True), 1):
        if not difference <= allowed:
            raise MismatchError(f"a logit of exit {number} differs by {difference:.3g}, more than {allowed:.3g}")
    return float(difference_E.max())


def _near(logits_EBC: Tensor, threshold_E: Sequence[float], criterion: str, slack: float) -> Tensor:
    """Return which images have, at some exit, a confidence that logits within the slack bring to the other side, (B,).

    Where no logit changes by more than s, the largest softmax value changes by at most s, the entropy H by 2 s H, and
    the ratio of the two largest softmax values by a factor of at most exp(2 s).
    """
    if criterion == PATIENCE:
        return _tied(logits_EBC, slack)[:-1].any(dim=0)
    sure_EB = torch.from_numpy(SURENESS[criterion](logits_EBC.numpy()))
    limit_E1 = torch.tensor(list(threshold_E), dtype=torch.float64)[:, None]
    near_EB = (sure_EB - limit_E1).abs() <= 4 * slack * sure_EB.abs().clamp(min=1)
    return near_EB[:-1].any(dim=0)


def _tied(logits: Tensor, slack: float) -> Tensor:
    """Return where the two largest logits, on the last axis, are equal within the slack."""
    largest = logits.topk(2, dim=-1).values
    return (largest[..., 0] - largest[..., 1]) <= 4 * slack


def _check_exits(expected: Exited, found: Exited, near_B: Tensor, slack: float) -> None:
    for row in ((expected.exit_B != found.exit_B) & ~near_B).nonzero()[:1, 0].tolist():
        raise MismatchError(
            f"image {row + 1} exits at {int(found.exit_B[row]) + 1}, expected {int(expected.exit_B[row]) + 1}"
        )
    same_B = expected.exit_B == found.exit_B
    difference_B = (expected.logits_BC - found.logits_BC).abs().amax(dim=1)
    allowed = TOLERANCE * float(expected.logits_BC.abs().max().clamp(min=1))
    for row in (~(difference_B <= allowed) & same_B).nonzero()[:1, 0].tolist():
        raise MismatchError(
            f"a logit of image {row + 1}, which exits at {int(found.exit_B[row]) + 1}, differs by "
            f"{float(difference_B[row]):.3g}, more than {allowed:.3g}"
        )
    other_B = (expected.predicted_B != found.predicted_B) & same_B & ~_tied(expected.logits_BC, slack)
    for row in other_B.nonzero()[:1, 0].tolist():
        raise MismatchError(f"image {row + 1} gets another class")
