"""The spine: one run from its definition to its predictions, in the order of execution. Read this first.

    definition -> data -> network -> training -> predictions

Metrics, tables and figures are computed from the predictions later, by the process that started the run.
"""

from collections.abc import Iterator
from pathlib import Path

from overthink.definition.run_definition import RunDefinition
from overthink.networks.cost import mul_adds_of_copy, parameter_counts
from overthink.networks.size_limit import limited_size
from overthink.predictions.course import COURSE_FILE
from overthink.predictions.course_file import write_course
from overthink.running.device import configure, settings
from overthink.running.events import Finished, Started
from overthink.running.kernels import kernel_settings, kernels_of, torch_threads
from overthink.running.run_data import course_of, predict, recorder_of, run_data
from overthink.running.run_files import EVERYTHING
from overthink.seeds import torch_generator
from overthink.training import checkpoint
from overthink.training.checkpoint import RunIdentity
from overthink.training.epoch_record import EpochRecord
from overthink.training.loop import TrainingState, fit
from overthink.training.phases import blank_network
from overthink.training.regime import OWN_CHECKPOINT, PARENT_CHECKPOINT


def train(
    run: RunDefinition,
    folder: Path,
    device: str = "auto",
    data_root: Path | None = None,
    parent_key: str | None = None,
) -> Iterator[Started | EpochRecord | Finished]:
    """Train one network and write its predictions and checkpoints to the folder; yield an event for each step.

    Training resumes from the folder's checkpoint. Without one, and with `parent_key`, it starts from that run's last
    checkpoint, a fork from its trunk's snapshot, which the caller has put into the folder. It may have all epochs.

    Raises DivergedError where the loss is not finite, ValueError for data or checkpoints that do not fit, OSError where
    the folder cannot be written.
    """
    seeds = run.seeds.at_end
    on = configure(torch_threads(run), device, strict=seeds.kernel == 0, tf32=run.precision == "tf32")
    kernels = kernels_of(run, on)
    data = run_data(run, folder, on, data_root)
    shape = data.dataset.image_shape
    with limited_size():
        network = run.network.build(shape, len(data.classes), torch_generator(run.seeds, "init"))
    run.network.load_pretrained(network)
    if run.weights is not None:
        run.weights.load_into(network)
    network.to(on)
    final = blank_network(run.network, run.regime, shape, len(data.classes), run.seeds)  # in a third of a copy's time
    cost_E = mul_adds_of_copy(final, shape)

    state = TrainingState(network, recorder=recorder_of(run, data, on))
    identity = RunIdentity(run.key, data.dataset.digest, run.regime, run.seeds, data.info)
    if not checkpoint.load(folder, state, identity) and parent_key is not None:
        checkpoint.adopt(folder / PARENT_CHECKPOINT, state, identity, parent_key)
    if run.seeds.fork is not None and not state.history:
        raise ValueError("a fork begins with its trunk's snapshot, which is not in its folder; --force restarts both")
    if len(state.history) in run.keep and not checkpoint.has_snapshot(folder, len(state.history)):
        checkpoint.save(folder, state, identity)  # killed between an epoch's checkpoint and its copy
        checkpoint.keep_snapshot(folder, len(state.history))
    yield Started(
        dataset=data.dataset.name,
        digest=data.dataset.digest,
        samples={name: len(split.labels_N) for name, split in data.splits.items() if name != EVERYTHING},
        parameters=parameter_counts(final),
        mul_adds=cost_E,
        history=tuple(state.history),
        settings={**settings(on), **kernel_settings(run)},
        notes=(*data.notes, *final.notes),
    )
    train, validation = data.samples("train", on), data.samples("val", on)
    for record in fit(state, run.regime, train, validation, run.augmentation, seeds, kernels):
        checkpoint.save(folder, state, identity)
        if record.epoch in run.keep:
            checkpoint.keep_snapshot(folder, record.epoch)
        yield record
    if not (folder / OWN_CHECKPOINT).exists():  # nothing was trained: weights from elsewhere, or of a clean run
        checkpoint.save(folder, state, identity)

    for name in data.splits.keys() - {"train"}:
        predict(state.network, run, data, name, cost_E, on, kernels).write(folder / f"{name}.parquet")
    if state.recorder is not None:
        write_course(folder / COURSE_FILE, course_of(state.recorder, run, data))
    yield Finished()
