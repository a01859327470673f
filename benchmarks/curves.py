"""Whether the first steps by the fast kernels lie within the spread that rounding alone gives torch's.

From the same seeds, batches and augmentation, networks take 300 steps by torch, by torch in channels-last order, and by
the fast kernels. For each window of steps: torch's mean loss, and how far the other two are from it, mean and largest
over seeds. The two orders of torch differ in rounding alone, so their distance is what rounding makes of it.

    OVERTHINK_DATA=... python -m benchmarks.curves
"""

from collections.abc import Iterator

import numpy as np
import torch

from benchmarks.equivalence import NETWORKS, PHASE, kernels_of, load, samples, specification
from overthink.data.batches import training_batches
from overthink.networks.kernels import Descent
from overthink.networks.msdnet_spec import MSDNetSpec
from overthink.seeds import Seeds, generator, torch_generator
from overthink.training.phases import make_ready
from overthink.training.step import TrainingStep

STEPS, WINDOW, SEEDS, DATASET = 300, 50, range(3), "CIFAR-100"


def losses(kernels: str, seed: int) -> list[float]:
    """Return the loss of each step: the first network of `equivalence` on small CIFAR-100."""
    dataset = load(DATASET)
    seeds = Seeds(split=seed, init=seed, order=seed, augment=seed)
    spec = MSDNetSpec(kind="msdnet", **next(iter(NETWORKS.values())))
    network = spec.build(dataset.image_shape, len(dataset.classes), torch_generator(seeds, "init"))
    by = kernels_of(kernels)
    make_ready(network, PHASE)
    loss_of = PHASE.loss.build(network.n_exits, torch.device("cpu"), None)
    descent = Descent(PHASE.lr, PHASE.momentum, PHASE.weight_decay)
    step = TrainingStep(network, by.training(network), loss_of, None, by, {}, descent)
    found, before = [], 0.0
    for images_BKHW, labels_B in _batches(seeds):
        step(images_BKHW, labels_B)
        found.append(float(step.sums.loss) - before)
        before = float(step.sums.loss)
    return found


def table() -> Iterator[str]:
    """Yield a line for each window."""
    of = {}
    for kind in ("torch", "channels-last", "native"):
        curves_RS = np.array([losses(kind, seed) for seed in SEEDS])
        of[kind] = curves_RS.reshape(len(SEEDS), -1, WINDOW).mean(axis=2)
    yield f"{'steps':>9} {'torch':>7} {'channels-last':>21} {'native':>21}"
    for window in range(STEPS // WINDOW):
        torch_R = of["torch"][:, window]
        line = f"{window * WINDOW + 1:4}-{(window + 1) * WINDOW:4} {torch_R.mean():7.3f}"
        for kind in ("channels-last", "native"):
            distance_R = of[kind][:, window] - torch_R
            line += f"  {distance_R.mean():+.4f}, max {np.abs(distance_R).max():.4f}"
        yield line


def _batches(seeds: Seeds) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    dataset = load(DATASET)
    train, augment, left, epoch = samples(dataset, dataset.train), specification(DATASET).augment, STEPS, 0
    while left:
        order, augmentation = generator(seeds, "order", 0, epoch), generator(seeds, "augment", 0, epoch)
        for batch in training_batches(train, PHASE.batch_size, augment, order, augmentation):
            if left and len(batch[1]) == PHASE.batch_size:
                left -= 1
                yield batch
        epoch += 1


if __name__ == "__main__":
    for line in table():
        print(line, flush=True)
