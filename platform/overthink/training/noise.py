"""Dropout draws from torch's global generators; here they follow from the seeds of the run for an epoch."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from overthink.seeds import Seeds, torch_generator

DROPOUT = 1
"""Last number of its place in the `augment` stream, whose draws for images have none."""


@contextmanager
def seeded_noise(seeds: Seeds, phase: int, epoch: int, device: torch.device) -> Iterator[None]:
    """Let layers draw from the run's `augment` stream; afterwards the global generators are as they were."""
    seed = int(torch.randint(2**62, (), generator=torch_generator(seeds, "augment", phase, epoch, DROPOUT)))
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield
