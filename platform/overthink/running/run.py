"""The spine: one run from its definition to stored predictions, in the order things happen. Read this first.

    definition -> data -> network -> training -> predictions

Everything after that (metrics, MLflow, tables, figures) is computed from the predictions, by whoever asked for the run.
"""

import copy
import os
from collections.abc import Iterator
from pathlib import Path

import torch

from overthink.definition.keys import run_key
from overthink.definition.run_definition import RunDefinition
from overthink.networks.catalogue import build_network
from overthink.networks.cost import mul_adds, parameter_counts
from overthink.running.events import Finished, Started
from overthink.running.run_data import EVERYTHING, predict, run_data
from overthink.seeds import torch_generator
from overthink.training import checkpoint
from overthink.training.checkpoint import Course
from overthink.training.epoch_record import EpochRecord
from overthink.training.loop import TrainingState, fit
from overthink.training.phases import network_in
from overthink.training.regime import PARENT_CHECKPOINT


def train(
    run: RunDefinition,
    folder: Path,
    device: str = "auto",
    data_root: Path | None = None,
    parent_key: str | None = None,
) -> Iterator[Started | EpochRecord | Finished]:
    """Train one network from where its folder's checkpoint stands, and leave its predictions in the folder.

    Where there is none yet and `parent_key` is given, it begins with that run's checkpoint, which lies in the folder.
    Raises DivergedError where the loss leaves the finite numbers, ValueError for data or checkpoints that do not fit,
    OSError where the folder cannot be written.
    """
    on = configure(run.threads, device, run.seeds.kernel)
    material = run_data(run, folder, on, data_root)
    dataset = material.dataset
    network = build_network(
        run.network, dataset.image_shape, len(material.classes), torch_generator(run.seeds, "init")
    ).to(on)
    final = network_in(copy.deepcopy(network), run.regime, run.seeds)
    cost_E = mul_adds(final, dataset.image_shape)

    state = TrainingState(network)
    course = Course(run_key(run), dataset.digest, run.regime, run.seeds, material.inputs)
    if not checkpoint.load(folder, state, course) and parent_key is not None:
        checkpoint.adopt(folder / PARENT_CHECKPOINT, state, course, parent_key)
    yield Started(
        dataset=dataset.name,
        digest=dataset.digest,
        samples={name: len(part.labels_N) for name, part in material.parts.items() if name != EVERYTHING},
        parameters=parameter_counts(final),
        mul_adds=cost_E,
        history=tuple(state.history),
        settings=settings(on),
    )
    train, validation = material.samples("train", on), material.samples("val", on)
    for record in fit(state, run.regime, train, validation, run.augmentation, run.seeds):
        checkpoint.save(folder, state, course)
        yield record

    for name in material.parts.keys() - {"train"}:
        part, samples = material.parts[name], material.samples(name, on)
        predict(state.network, samples, part, dataset, run, name, cost_E).write(folder / f"{name}.parquet")
    yield Finished()


def configure(threads: int, device: str, kernel: int = 0) -> torch.device:
    """Set the process up so that the same run gives the same bits, and return the device to use.

    A kernel other than 0 groups sums otherwise: by more threads, and on a GPU by kernels that are free to differ.
    """
    torch.set_num_threads(threads + kernel)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    on = torch.device(device)
    if on.type == "cuda":  # on a CPU the operations used here are deterministic as they are
        if (on.index or 0) >= torch.cuda.device_count():
            raise ValueError(f"--device {device}: this machine has {torch.cuda.device_count()} CUDA devices")
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it cuBLAS is free to differ
        torch.use_deterministic_algorithms(kernel == 0, warn_only=True)
        torch.backends.cudnn.benchmark = kernel > 0
        torch.backends.cudnn.allow_tf32 = False
    return on


def settings(device: torch.device) -> dict[str, str | int | bool]:
    """Return what of this process can move the bits of a result."""
    return {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "threads": torch.get_num_threads(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
        "cudnn_benchmark": torch.backends.cudnn.benchmark,
        "cudnn_tf32": torch.backends.cudnn.allow_tf32,
        "matmul_tf32": torch.backends.cuda.matmul.allow_tf32,
    }
