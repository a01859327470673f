"""Whether networks trained by the fast kernels can be told from those trained by torch.

Three networks, two data sets and five seeds are trained by each kind of kernels from the same seeds; rates are of the
test images. Differences are paired by network, data set and seed. Control: torch against torch in channels-last order,
which differs in rounding, too. Trainings that are in the file already are not repeated.

    python -m benchmarks.equivalence trainings.jsonl            # all of them, then the table
    python -m benchmarks.equivalence trainings.jsonl torch      # trainings of one kind
"""

import json
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import torch
from pydantic import TypeAdapter
from torch import Tensor

from overthink.data.batches import Samples
from overthink.data.catalogue import DatasetSpec, load_dataset
from overthink.data.dataset import Dataset, Split
from overthink.metrics.overthinking import final_overthinking_rate, overthinking_rate
from overthink.networks.availability import native_kernels
from overthink.networks.kernels import Kernels, Logits, TorchKernels
from overthink.networks.msdnet_spec import MSDNetSpec
from overthink.networks.multi_exit import MultiExitNetwork
from overthink.seeds import Seeds, torch_generator
from overthink.statistics.paired_tests import equivalence_p, paired_t
from overthink.training.evaluate import logits_of
from overthink.training.loop import TrainingState, fit
from overthink.training.regime import Phase

SEEDS = range(5)
MARGIN = 0.01
NETWORKS: dict[str, dict[str, Any]] = {
    "a layer a block": {"step_mode": "even", "channels": 8, "growth": 8, "bottleneck": False, "head_channels": 64},
    "bottlenecks": {"step_mode": "even", "channels": 8, "growth": 4, "blocks": 4, "head_channels": 64},
    "deeper blocks": {"channels": 8, "growth": 4, "blocks": 4, "bottleneck": False, "head_channels": 32},
}
DATASETS: dict[str, dict[str, Any]] = {
    "CIFAR-100": {"kind": "cifar-100", "labels": "coarse", "subset": {"train": 5000, "test": 5000}},
    "Max-Min MNIST": {
        "kind": "max-min-mnist",
        "digits": "embedded",
        "train": 5000,
        "test": 4000,
        "shrink": 2,
        "space_to_depth": 2,
    },
}
PHASE = Phase(epochs=4, lr=0.05, drops=(3,), batch_size=64)


class ChannelsLast(TorchKernels):
    """Torch's operations on maps whose channels lie side by side."""

    def training(self, network: MultiExitNetwork, equilibrium: bool = False) -> Logits:
        """Return the network's forward pass on such images."""
        network.to(memory_format=torch.channels_last)
        return lambda images_BKHW: network(_last(images_BKHW), equilibrium)

    def evaluation(self, network: MultiExitNetwork) -> Logits:
        """Return the network's forward pass on such images."""
        return lambda images_BKHW: network(_last(images_BKHW))


class Training(NamedTuple):
    """One training and what came of it, in fractions of the test images."""

    kernels: str
    network: str
    dataset: str
    seed: int
    losses: list[float]
    """Of each epoch."""
    accuracy: list[float]
    """Of each exit."""
    any_later: float
    final: float

    @property
    def pair(self) -> tuple[str, str, int]:
        """What it shares with trainings by other kernels."""
        return self.network, self.dataset, self.seed


def kernels_of(name: str) -> Kernels:
    """Return kernels by name."""
    if name == "native":
        return native_kernels(PHASE.batch_size, threads=1, roll=0)
    return {"torch": TorchKernels, "channels-last": ChannelsLast}[name]()


def trained(kernels: str, network: str, name: str, seed: int) -> Training:
    """Train a network and evaluate it."""
    dataset = load(name)
    seeds = Seeds(split=seed, init=seed, order=seed, augment=seed)
    spec = MSDNetSpec(kind="msdnet", **NETWORKS[network])
    built = spec.build(dataset.image_shape, len(dataset.classes), torch_generator(seeds, "init"))
    state, by = TrainingState(built), kernels_of(kernels)
    train, test = samples(dataset, dataset.train), samples(dataset, dataset.test)
    augment = specification(name).augment
    few = Samples(test.images_NKHW[:250], test.labels_N[:250], test.mean_K, test.std_K)
    records = list(fit(state, (PHASE,), train, few, augment, seeds, by))
    right_EN = (logits_of(state.network, test, by).argmax(dim=2) == test.labels_N).numpy()
    return Training(
        kernels,
        network,
        name,
        seed,
        [record.train_loss for record in records],
        right_EN.mean(axis=1).tolist(),
        overthinking_rate(right_EN),
        final_overthinking_rate(right_EN),
    )


def main(path: Path, kinds: list[str]) -> Iterator[str]:
    """Train what is missing; yield a line for each training, then the table."""
    known = [Training(**json.loads(line)) for line in path.read_text().splitlines()] if path.exists() else []
    done = {(training.kernels, *training.pair) for training in known}
    for seed, network, dataset, kind in product(SEEDS, NETWORKS, DATASETS, kinds):
        if (kind, network, dataset, seed) not in done:
            known.append(trained(kind, network, dataset, seed))
            with path.open("a") as file:
                file.write(json.dumps(known[-1]._asdict()) + "\n")
            yield f"{kind}, {network}, {dataset}, seed {seed}: {100 * known[-1].accuracy[-1]:.1f}%"
    yield from table(known)


def table(trainings: list[Training]) -> Iterator[str]:
    """Yield the mean difference from torch in points, its 95% interval, and whether that lies inside the margin."""
    of = {(training.kernels, *training.pair): training for training in trainings}
    measures = {
        "accuracy, last exit": lambda training: training.accuracy[-1],
        "accuracy, mean of exits": lambda training: sum(training.accuracy) / len(training.accuracy),
        "overthinking, any later": lambda training: training.any_later,
        "overthinking, final": lambda training: training.final,
        "last training loss": lambda training: training.losses[-1],
    }
    for kind, (name, measure) in product(("native", "channels-last"), measures.items()):
        pairs = [(of["torch", *key], training) for (by, *key), training in of.items() if by == kind]
        differences = [measure(other) - measure(torch_one) for torch_one, other in pairs]
        if (test := paired_t(differences)) is None:
            continue
        points = ", ".join(f"{100 * bound:+.2f}" for bound in (test.low, test.high))
        p = equivalence_p(differences, MARGIN)
        yield (
            f"{kind} - torch, {name}: {100 * sum(differences) / len(differences):+.2f} [{points}], "
            f"n = {len(differences)}, equal within {100 * MARGIN:.0f} point: p = {p:.2g}"
        )


def _last(images_BKHW: Tensor) -> Tensor:
    return images_BKHW.contiguous(memory_format=torch.channels_last)


def specification(name: str) -> DatasetSpec:
    """Return a data set's specification by its name here."""
    return TypeAdapter(DatasetSpec).validate_python(DATASETS[name])


def load(name: str) -> Dataset:
    """Return a data set by its name here."""
    return load_dataset(specification(name), None)


def samples(dataset: Dataset, split: Split) -> Samples:
    """Return a split's samples, to be normalised by the training images' statistics."""
    mean_K, std_K = dataset.pixel_statistics
    images, labels = torch.from_numpy(split.images_NKHW), torch.from_numpy(split.labels_N)
    return Samples(images, labels, torch.tensor(mean_K).float(), torch.tensor(std_K).float())


if __name__ == "__main__":
    torch.set_num_threads(1)
    for line in main(Path(sys.argv[1]), sys.argv[2:] or ["torch", "channels-last", "native"]):
        print(line, flush=True)
