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
    """Compare segments with the package's own prediction: logits of every exit, exits and classes.

    Raises MismatchError where they differ. The exit of an image is not compared where a confidence is so near its
    threshold that differences within the tolerance decide.
    """
    images_BKHW, own = trained.normalise(given.images_BKHW), folded(trained.network)
    n_images, n_exits = len(images_BKHW), own.n_exits
    expected_EBC = _all_logits(TorchPassage(own, images_BKHW), n_exits)
    difference = _largest_difference(expected_EBC, _all_logits(SegmentPassage(steps, images_BKHW), n_exits))
    expected = exited(TorchPassage(own, images_BKHW), n_images, threshold_E, criterion)
    found = exited(SegmentPassage(steps, images_BKHW), n_images, threshold_E, criterion)
    near_B = _near(expected_EBC, threshold_E, criterion)
    _check_exits(expected, found, near_B)
    return CheckInfo(images=n_images, of=given.of, largest_difference=difference, by_rounding=int(near_B.sum()))


def _all_logits(passage: Passage, n_exits: int) -> Tensor:
    return torch.stack([passage.next_logits() for _ in range(n_exits)])


def _largest_difference(expected_EBC: Tensor, found_EBC: Tensor) -> float:
    if expected_EBC.shape != found_EBC.shape:
        raise MismatchError(f"logits have shape {tuple(found_EBC.shape)}, expected {tuple(expected_EBC.shape)}")
    difference_E = (expected_EBC - found_EBC).abs().amax(dim=(1, 2))
    allowed_E = TOLERANCE * expected_EBC.abs().amax(dim=(1, 2)).clamp(min=1)
    for number, (difference, allowed) in enumerate(zip(difference_E.tolist(), allowed_E.tolist(), strict=True), 1):
        if not difference <= allowed:
            raise MismatchError(f"a logit of exit {number} differs by {difference:.3g}, more than {allowed:.3g}")
    return float(difference_E.max())


def _near(logits_EBC: Tensor, threshold_E: Sequence[float], criterion: str) -> Tensor:
    """Return which images have, at some exit, a confidence that rounding may bring to the other side, (B,)."""
    top_EB2 = logits_EBC.topk(2, dim=-1).values
    slack_EB = 4 * TOLERANCE * top_EB2[..., 0].abs().clamp(min=1)
    if criterion == PATIENCE:
        return ((top_EB2[..., 0] - top_EB2[..., 1]) <= slack_EB)[:-1].any(dim=0)
    sure_EB = torch.from_numpy(SURENESS[criterion](logits_EBC.numpy()))
    limit_E1 = torch.tensor([list(threshold_E)], dtype=torch.float64).T
    near_EB = (sure_EB - limit_E1).abs() <= slack_EB * sure_EB.abs().clamp(min=1)
    return near_EB[:-1].any(dim=0)


def _check_exits(expected: Exited, found: Exited, near_B: Tensor) -> None:
    same_exit_B = (expected.exit_B == found.exit_B) | near_B
    if not bool(same_exit_B.all()):
        row = int((~same_exit_B).nonzero()[0, 0])
        raise MismatchError(
            f"image {row + 1} exits at {int(found.exit_B[row]) + 1}, expected {int(expected.exit_B[row]) + 1}"
        )
    top_B2 = expected.logits_BC.topk(2, dim=-1).values
    close_B = near_B | (top_B2[:, 0] - top_B2[:, 1] <= 4 * TOLERANCE * top_B2[:, 0].abs().clamp(min=1))
    same_class_B = (expected.predicted_B == found.predicted_B) | close_B
    if not bool(same_class_B.all()):
        raise MismatchError(f"image {int((~same_class_B).nonzero()[0, 0]) + 1} gets another class")
