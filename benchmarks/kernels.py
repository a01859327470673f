"""Native kernels against torch's: images/s of training and of evaluation, in processes of their own, interleaved.

Training: the thesis's network on CIFAR-100's shape, batch 64, with augmentation, a validation, and a checkpoint an
epoch. One process of two threads, and two processes of one (two seeds at once). Evaluation: all exits, against torch's
folded network. Ratios are medians over rounds, since other processes may use the machine. Training is measured beside
busy processes, too: what threads wait for each other then costs most.
"""

import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

BATCH, TRAIN, VALIDATION, BUSY = 64, 1920, 213, 4
ROUNDS, BESIDE = 5, 3
"""Rounds alone, and beside busy processes, where each takes some three times as long."""
SHAPE, CLASSES = (3, 32, 32), 100


class Case(NamedTuple):
    """Kernels that so many processes use at once, of so many threads each."""

    kernels: str
    processes: int
    threads: int
    work: str = "train"

    def __str__(self) -> str:
        return f"{self.work}, {self.kernels}, {self.processes} x {self.threads} thread(s)"


PAIRS = [
    (Case("torch", 1, 2), Case("native", 1, 2)),
    (Case("torch", 2, 1), Case("native", 2, 1)),
    (Case("torch", 1, 1), Case("native", 1, 1)),
    (Case("torch", 1, 2, "evaluate"), Case("native", 1, 2, "evaluate")),
    (Case("torch", 1, 1, "evaluate"), Case("native", 1, 1, "evaluate")),
]


def main() -> str:
    """Return a line a pair: medians of images/s and of their ratio."""
    alone = [_compared(*pair) for pair in PAIRS]
    with ExitStack() as stack:
        for _ in range(BUSY):
            stack.enter_context(_busy())
        beside = [_compared(*pair, rounds=BESIDE) for pair in PAIRS if pair[0].work == "train"]
    return "\n".join(["", *alone, f"beside {BUSY} busy processes:", *beside])


@contextmanager
def _busy() -> Iterator[None]:
    process = multiprocessing.get_context("spawn").Process(target=_spin, daemon=True)
    process.start()
    try:
        yield
    finally:
        process.kill()


def _spin() -> None:
    while True:
        pass


def _compared(one: Case, other: Case, rounds: int = ROUNDS) -> str:
    with ExitStack() as stack:
        groups = [[stack.enter_context(_Worker(case)) for _ in range(case.processes)] for case in (one, other)]
        measured = [[_rate(group) for group in groups] for _ in range(rounds)]
    ratios = [native / by_torch for by_torch, native in measured]
    rates = [median(column) for column in zip(*measured, strict=True)]
    return (
        f"{other}: {rates[1]:.0f} images/s, torch {rates[0]:.0f}; ratio {median(ratios):.2f} "
        f"({min(ratios):.2f} to {max(ratios):.2f}), load {os.getloadavg()[0]:.1f}"
    )


def _rate(group: list["_Worker"]) -> float:
    for worker in group:
        worker.pipe.send(True)
    return sum(worker.pipe.recv() for worker in group)


class _Worker:
    """A process that trains or evaluates once whenever it is asked to."""

    def __init__(self, case: Case) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, end = context.Pipe()
        self._process = context.Process(target=_serve, args=(case, end), daemon=True)

    def __enter__(self) -> "_Worker":
        self._process.start()
        assert self.pipe.recv() == "ready"
        return self

    def __exit__(self, *_error: object) -> None:
        self.pipe.send(False)
        self._process.join()


def _serve(case: Case, pipe: Connection) -> None:
    work = {"train": _training, "evaluate": _evaluation}[case.work](case)
    work()
    pipe.send("ready")
    while pipe.recv():
        started = time.perf_counter()
        count = work()
        pipe.send(count / (time.perf_counter() - started))


def _training(case: Case) -> Callable[[], int]:
    """Return work that trains an epoch, and the images that it trains on."""
    from overthink.data.augment import AugmentSpec
    from overthink.seeds import Seeds
    from overthink.training import checkpoint
    from overthink.training.checkpoint import RunIdentity
    from overthink.training.loop import TrainingState, fit
    from overthink.training.regime import Phase

    kernels, network, seeds = _kernels(case), _network(), Seeds(split=0, init=0, order=0, augment=0)
    state, regime = TrainingState(network), (Phase(epochs=1000, lr=0.1, batch_size=BATCH),)
    epochs = fit(state, regime, _samples(TRAIN), _samples(VALIDATION), AugmentSpec(pad=4, flip=True), seeds, kernels)
    folder = Path(tempfile.mkdtemp())

    def work() -> int:
        next(epochs)
        checkpoint.save(folder, state, RunIdentity("key", "digest", regime, seeds))
        return TRAIN

    return work


def _evaluation(case: Case) -> Callable[[], int]:
    """Return work that evaluates images: torch's folded network, or native kernels."""
    import torch

    from overthink.networks.folding import folded
    from overthink.training.evaluate import logits_of

    kernels, samples, network = _kernels(case), _samples(1000), _network().eval()
    evaluated = folded(network) if case.kernels == "torch" else network
    assert torch.get_num_threads() >= 1

    def work() -> int:
        logits_of(evaluated, samples, kernels)
        return 1000

    return work


def _kernels(case: Case) -> Any:
    import torch

    from overthink.networks.availability import native_kernels
    from overthink.networks.kernels import TORCH

    torch.set_num_threads(case.threads if case.kernels == "torch" else 1)
    return TORCH if case.kernels == "torch" else native_kernels(BATCH, case.threads, roll=0)


def _network() -> Any:
    import torch

    from overthink.networks.msdnet_spec import MSDNetSpec

    return MSDNetSpec(kind="msdnet").build(SHAPE, CLASSES, torch.Generator().manual_seed(0))


def _samples(count: int) -> Any:
    import torch

    from overthink.data.batches import Samples

    generator = torch.Generator().manual_seed(1)
    images = torch.randint(0, 256, (count, *SHAPE), dtype=torch.uint8, generator=generator)
    labels = torch.randint(0, CLASSES, (count,), generator=generator)
    return Samples(images, labels, torch.full((3,), 0.5), torch.full((3,), 0.25))


if __name__ == "__main__":
    print(main(), file=sys.stdout)
