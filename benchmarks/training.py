"""Training images/s of the thesis's network at batch size 64, compared with a usual training loop.

The usual loop: a DataLoader over a data set that transforms one PIL image at a time (random crop, flip, normalise),
and a loss and an accuracy copied from the device for every exit in every step. Rounds are interleaved, and the ratio is
the median over rounds, since other processes may use the machine.
"""

import time
from collections.abc import Callable, Iterator
from itertools import islice
from statistics import median

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from overthink.data.augment import AugmentSpec
from overthink.data.batches import Samples, training_batches
from overthink.networks.msdnet_spec import MSDNetSpec
from overthink.networks.multi_exit import MultiExitNetwork
from overthink.training.losses import JointLossSpec

BATCH, STEPS, ROUNDS = 64, 4, 5
IMAGES = np.random.default_rng(0).integers(0, 256, (BATCH * STEPS, 3, 32, 32), dtype=np.uint8)
LABELS = np.random.default_rng(1).integers(0, 100, BATCH * STEPS)


class OneByOne(Dataset[tuple[Tensor, int]]):
    """A data set as in tutorials."""

    transform = transforms.Compose(
        [
            transforms.ToPILImage(),
            transforms.RandomCrop(32, padding=4),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize((0.5, 0.5, 0.5), (0.25, 0.25, 0.25)),
        ]
    )

    def __len__(self) -> int:
        return len(LABELS)

    def __getitem__(self, row: int) -> tuple[Tensor, int]:
        return self.transform(torch.from_numpy(IMAGES[row])), int(LABELS[row])


def usual_epoch(network: MultiExitNetwork, optimizer: torch.optim.SGD) -> None:
    """Train one epoch with the usual loop."""
    losses, accuracies = [0.0] * 5, [0.0] * 5
    for images, labels in DataLoader(OneByOne(), BATCH, shuffle=True):
        outputs = network(images)
        loss = sum((functional.cross_entropy(output, labels) for output in outputs), torch.zeros(()))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        for number, output in enumerate(outputs):
            losses[number] += functional.cross_entropy(output, labels).item()
            accuracies[number] += (output.argmax(1) == labels).float().mean().item()


def our_epoch(network: MultiExitNetwork, optimizer: torch.optim.SGD) -> None:
    """Train one epoch with this package's loop."""
    samples = Samples(torch.from_numpy(IMAGES), torch.from_numpy(LABELS), torch.full((3,), 0.5), torch.full((3,), 0.25))
    loss_of = JointLossSpec(kind="joint").build(5, torch.device("cpu"))
    order, augmentation = np.random.default_rng(2), np.random.default_rng(3)
    for images, labels in training_batches(samples, BATCH, AugmentSpec(pad=4, flip=True), order, augmentation):
        loss = loss_of(network(images), labels).sum()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()


def main() -> str:
    """Return images/s of both and the ratio."""
    torch.set_num_threads(2)
    pairs = list(islice(zip(_rates(usual_epoch), _rates(our_epoch), strict=True), 1, ROUNDS + 1))
    ratio = median(our / their for their, our in pairs)
    medians = [median(column) for column in zip(*pairs, strict=True)]
    return (
        f"thesis network, batch {BATCH}, 2 threads: usual loop {medians[0]:.0f} images/s, ours {medians[1]:.0f}, "
        f"ratio {ratio:.2f} (median of {ROUNDS} interleaved rounds)"
    )


def _rates(epoch: Callable[[MultiExitNetwork, torch.optim.SGD], None]) -> Iterator[float]:
    network = MSDNetSpec(kind="msdnet").build((3, 32, 32), 100, torch.Generator().manual_seed(0))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
    while True:
        started = time.perf_counter()
        epoch(network, optimizer)
        yield len(LABELS) / (time.perf_counter() - started)
