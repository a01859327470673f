"""Speed of early exits, measured against the full forward pass in alternating rounds on the same machine."""

import math
import time
from collections.abc import Callable, Mapping
from statistics import median
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from overthink.inference.exiting import EarlyExit, Exited, LeavingByRule, LeavingRule
from overthink.inference.thresholds import thresholds
from overthink.networks.folding import folded
from overthink.networks.kernels import TORCH, Kernels
from overthink.networks.multi_exit import MultiExitNetwork
from overthink.predictions.arrays import FloatArray
from overthink.predictions.softmax import max_softmax

FULL = "full"
"""The network as it was trained, all exits: the baseline."""
FULL_FOLDED = "full, folded"
"""The folded network that early exits run on, all exits: the part of the speedup that folding gives."""
NATIVE = "native: "
"""Before the name of a way: by the native kernels, with torch on one thread."""
FIRST_SHARE = 0.8
Exiting = Callable[[Tensor], Exited]
"""Images -> where they leave, and with what answers."""


class Timing(NamedTuple):
    """Speed of one way of inference at one batch size."""

    way: str
    batch: int
    images: int
    seconds_per_batch: float
    """Latency: median over rounds of the mean over a round's batches."""
    images_per_second: float
    speedup: float
    """Median over rounds of the baseline's time divided by this way's in the same round."""
    share_E: tuple[float, ...]
    """Fraction of the images that exit at each exit; in a full forward pass, all at the last."""
    rounds: int
    """Measurements of it."""


def distributions(n_exits: int) -> dict[str, FloatArray]:
    """Return the exit distributions to measure, (E,) each: uniform; and 80% at exit 1, the rest uniform."""
    if n_exits == 1:
        return {"uniform": np.ones(1)}
    rest = np.full(n_exits - 1, (1 - FIRST_SHARE) / (n_exits - 1))
    return {"uniform": np.full(n_exits, 1 / n_exits), "80% first": np.array([FIRST_SHARE, *rest])}


def speeds(
    network: MultiExitNetwork,
    images_NKHW: Tensor,
    batch: int,
    rounds: int,
    native: Kernels | None = None,
    rules: Mapping[str, LeavingRule] = MappingProxyType({}),
    limit_seconds: float = math.inf,
) -> list[Timing]:
    """Return the speed of a network on normalised images: the full forward pass, and with early exits.

    All of it by torch, and by native kernels too where these are given. Thresholds are computed on these images (thesis
    Algorithm 1), so that the distributions are met; `rules` are fitted already, and take the time that they need. No
    round begins that would end after `limit_seconds`, but there is one at least; where that would take too long, it is
    of fewer batches.
    """
    began = time.perf_counter()
    network, quick = network.eval(), folded(network)
    batches = images_NKHW.split(batch)
    early = _early_exits(quick, images_NKHW, TORCH, rules)
    ways: dict[str, Callable[[Tensor], object]] = {
        FULL: torch.inference_mode()(network.forward),
        FULL_FOLDED: torch.inference_mode()(quick.forward),
        **early,
    }
    if native is not None:
        ways[NATIVE + FULL] = _on_one_thread(torch.inference_mode()(native.evaluation(network)))
        for way, exits in _early_exits(network, images_NKHW, native, rules).items():
            early[NATIVE + way] = exits
            ways[NATIVE + way] = _on_one_thread(exits)
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for go in ways.values():
        _seconds(go, batches[:1])  # a warm-up
    of_a_batch = sum(_seconds(go, batches[:1]) for go in ways.values())
    fitting = limit_seconds / max(of_a_batch, 1e-9) / 2  # the other half: where images leave
    batches = batches[: max(1, int(min(fitting, len(batches))))]
    n_images = sum(map(len, batches))
    for _ in range(rounds):
        round_began = time.perf_counter()
        for way, go in ways.items():
            seconds[way].append(_seconds(go, batches))
        now = time.perf_counter()
        if now - began + (now - round_began) > limit_seconds:
            break
    last_only = (*[0.0] * (network.n_exits - 1), 1.0)
    shares = {way: _shares(exits, batches, network.n_exits) for way, exits in early.items()}
    return [
        Timing(
            way,
            batch,
            n_images,
            seconds_per_batch=median(took) / len(batches),
            images_per_second=n_images / median(took),
            speedup=median(full / own for full, own in zip(seconds[FULL], took, strict=True)),
            share_E=shares.get(way, last_only),
            rounds=len(took),
        )
        for way, took in seconds.items()
    ]


@torch.inference_mode()
def _early_exits(
    network: MultiExitNetwork, images_NKHW: Tensor, kernels: Kernels, rules: Mapping[str, LeavingRule]
) -> dict[str, Exiting]:
    logits_of = kernels.evaluation(network)
    parts = [torch.stack(logits_of(images_BKHW)) for images_BKHW in images_NKHW.split(256)]
    sure_EN = max_softmax(torch.cat(parts, dim=1).numpy())
    found: dict[str, Exiting] = {
        way: EarlyExit(network, thresholds(sure_EN, q_E).tolist(), kernels=kernels)
        for way, q_E in distributions(len(sure_EN)).items()
    }
    return found | {name: LeavingByRule(network, rule, kernels) for name, rule in rules.items()}


def _on_one_thread(go: Callable[[Tensor], object]) -> Callable[[Tensor], object]:
    """Let torch have one thread meanwhile: others would wait in a loop on the cores that native kernels need."""

    def went(images_BKHW: Tensor) -> object:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            return go(images_BKHW)
        finally:
            torch.set_num_threads(threads)

    return went


def _seconds(go: Callable[[Tensor], object], batches: tuple[Tensor, ...]) -> float:
    began = time.perf_counter()
    for images_BKHW in batches:
        go(images_BKHW)
    return time.perf_counter() - began


def _shares(early: Exiting, batches: tuple[Tensor, ...], n_exits: int) -> tuple[float, ...]:
    exit_N = torch.cat([early(images_BKHW).exit_B for images_BKHW in batches])
    counts_E = torch.bincount(exit_N, minlength=n_exits)
    return tuple((counts_E / len(exit_N)).tolist())
