"""How much time early exits save: measured against the full forward pass, in turns on the same machine."""

import time
from collections.abc import Callable
from statistics import median
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from overthink.inference.exiting import EarlyExit
from overthink.inference.thresholds import thresholds
from overthink.networks.folding import folded
from overthink.networks.multi_exit import MultiExitNetwork
from overthink.predictions.arrays import FloatArray
from overthink.predictions.softmax import max_softmax

FULL = "full"
"""The network as it was trained, all exits; what everything is compared to."""
FULL_FOLDED = "full, folded"
"""All exits of the network that early exits are measured with: how much of their gain is not theirs."""
FIRST_SHARE = 0.8


class Timing(NamedTuple):
    """One way to go through the images of one batch size."""

    way: str
    batch: int
    images: int
    seconds_per_batch: float
    """Median over rounds of a round's mean: the latency."""
    images_per_second: float
    speedup: float
    """Median over rounds of full forward's time over this way's, in the same round."""
    share_E: tuple[float, ...]
    """Share of the images that left at each exit, fractions; of a full forward pass, all at the last."""


def distributions(n_exits: int) -> dict[str, FloatArray]:
    """Return the exit distributions to measure: all exits alike, and 80% at the first with the others alike."""
    if n_exits == 1:
        return {"uniform": np.ones(1)}
    rest = np.full(n_exits - 1, (1 - FIRST_SHARE) / (n_exits - 1))
    return {"uniform": np.full(n_exits, 1 / n_exits), "80% first": np.array([FIRST_SHARE, *rest])}


def speeds(network: MultiExitNetwork, images_NKHW: Tensor, batch: int, rounds: int) -> list[Timing]:
    """Return how fast a network goes through normalised images: whole, and by early exits.

    Thresholds come from the confidences in these very images (thesis Algorithm 1), so that the shares are met.
    """
    network, quick = network.eval(), folded(network)
    batches = images_NKHW.split(batch)
    early = _early_exits(quick, images_NKHW)
    ways: dict[str, Callable[[Tensor], object]] = {
        FULL: torch.inference_mode()(network.forward),
        FULL_FOLDED: torch.inference_mode()(quick.forward),
        **early,
    }
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(rounds + 1):
        for way, go in ways.items():
            took = _seconds(go, batches)
            if number:  # the first round is for warming up
                seconds[way].append(took)
    last_only = (*[0.0] * (network.n_exits - 1), 1.0)
    shares = {way: _shares(exits, batches) for way, exits in early.items()}
    return [
        Timing(
            way,
            batch,
            len(images_NKHW),
            seconds_per_batch=median(took) / len(batches),
            images_per_second=len(images_NKHW) / median(took),
            speedup=median(full / own for full, own in zip(seconds[FULL], took, strict=True)),
            share_E=shares.get(way, last_only),
        )
        for way, took in seconds.items()
    ]


@torch.inference_mode()
def _early_exits(network: MultiExitNetwork, images_NKHW: Tensor) -> dict[str, EarlyExit]:
    parts = [torch.stack(network(images_BKHW)) for images_BKHW in images_NKHW.split(256)]
    sure_EN = max_softmax(torch.cat(parts, dim=1).numpy())
    return {
        way: EarlyExit(network, thresholds(sure_EN, q_E).tolist()) for way, q_E in distributions(len(sure_EN)).items()
    }


def _seconds(go: Callable[[Tensor], object], batches: tuple[Tensor, ...]) -> float:
    began = time.perf_counter()
    for images_BKHW in batches:
        go(images_BKHW)
    return time.perf_counter() - began


def _shares(early: EarlyExit, batches: tuple[Tensor, ...]) -> tuple[float, ...]:
    exit_N = torch.cat([early(images_BKHW).exit_B for images_BKHW in batches])
    counts_E = torch.bincount(exit_N, minlength=early.network.n_exits)
    return tuple((counts_E / len(exit_N)).tolist())
