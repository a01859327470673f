"""What predicts with a trained network: native kernels where they are faster, else torch."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from overthink.networks import availability
from overthink.networks.kernels import TORCH, Kernels
from overthink.running.trained_network import TrainedNetwork
from overthink.settings import default_kernels

FEWEST_IMAGES = 8
"""Of a batch that native kernels predict faster than torch."""


def kernels_for_images(trained: TrainedNetwork, count: int) -> Kernels:
    """Return what predicts so many images at a time: native kernels where they are faster, and built already.

    With OVERTHINK_KERNELS=native, them always; raises ValueError where this machine cannot.
    """
    asked = default_kernels()
    wanted = asked == "native" or (
        asked == "auto" and count >= FEWEST_IMAGES and availability.inference_is_built(count)
    )
    if not wanted:
        return TORCH
    obstacle = availability.inference_obstacle(trained.network, trained.definition.dataset.input_shape, count)
    if obstacle is None:
        return availability.inference_kernels(count, torch.get_num_threads())
    if asked == "native":
        raise ValueError(f"OVERTHINK_KERNELS=native: native kernels cannot be used here, since {obstacle}")
    return TORCH


@contextmanager
def threads_beside(kernels: Kernels) -> Iterator[None]:
    """Let torch have one thread beside native kernels: others would wait in a loop on the cores that these need."""
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(before if kernels is TORCH else 1)
        yield
    finally:
        torch.set_num_threads(before)
