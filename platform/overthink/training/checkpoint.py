"""Checkpoints: one safetensors file, written atomically; the previous one is kept. Nothing is unpickled.

A checkpoint holds weights, BatchNorm statistics, momentum (Adam's moments), the record of every epoch, and the answers
that the run has recorded so far (`recording`). Phase, epoch and learning rate follow from the number of records; random
draws follow from the seeds and the epoch (see `seeds`), so no generator state is stored.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, NamedTuple

import torch
from pydantic import Field, FiniteFloat, TypeAdapter, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from overthink.atomic_file import atomic_write, sync
from overthink.networks.multi_exit import MultiExitNetwork
from overthink.networks.size_limit import check_size
from overthink.seeds import Seeds
from overthink.spec import Spec
from overthink.training.epoch_record import EpochRecord
from overthink.training.epochs_in import epochs_in
from overthink.training.loop import TrainingState, no_progress
from overthink.training.phases import teacher_of, with_attachments
from overthink.training.regime import (
    OWN_CHECKPOINT,
    PREVIOUS_CHECKPOINT,
    STORED_CHECKPOINT,
    Phase,
    snapshot_name,
    total_epochs,
)
from overthink.untrusted import name_of

NAME = OWN_CHECKPOINT
PREVIOUS = PREVIOUS_CHECKPOINT
FORMAT = "1"


class DataInfo(Spec):
    """Normalisation and class names, stored with the weights so that a network can be used without its data set."""

    mean: tuple[FiniteFloat, ...]
    """Of the training images per channel, as a fraction of 255."""
    std: tuple[Annotated[FiniteFloat, Field(gt=0)], ...]
    """Standard deviation of the training images per channel, as a fraction of 255."""
    classes: tuple[str, ...]
    """Names of the classes, by label."""


class RunIdentity(NamedTuple):
    """The run that a checkpoint belongs to: its key and data must match; regime and seeds rebuild its network."""

    key: str
    data_digest: str
    regime: tuple[Phase, ...]
    seeds: Seeds
    data_info: DataInfo | None = None
    """Written into checkpoints; not compared when one is read."""


class CheckpointInfo(NamedTuple):
    """What a checkpoint contains beside the weights."""

    data_info: DataInfo | None
    """None in checkpoints of early versions."""
    data_digest: str
    """Empty in checkpoints of early versions."""
    history: tuple[EpochRecord, ...] = ()


class _Content(NamedTuple):
    """A checkpoint as it was read, with its record of epochs validated."""

    meta: Mapping[str, str]
    tensors: dict[str, Tensor]
    history: tuple[EpochRecord, ...]


_RECORDS = TypeAdapter(tuple[EpochRecord, ...])


def save(folder: Path, state: TrainingState, run: RunIdentity) -> Path:
    """Write the state to the folder's checkpoint and return its path; on any failure the previous one is kept.

    Raises OSError naming the file if the disk is full or not writable.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in _tensors(state).items()}
    meta = {
        "format": FORMAT,
        "run_key": run.key,
        "data": run.data_digest,
        "history": json.dumps([asdict(record) for record in state.history]),
        "digest": _digest(tensors),
        **({"inputs": run.data_info.model_dump_json()} if run.data_info is not None else {}),
        **({"course": state.recorder.as_text()} if state.recorder is not None else {}),
    }
    path = folder / NAME
    try:
        with atomic_write(path) as unfinished:
            save_file(tensors, unfinished, metadata=meta)
            sync(unfinished)  # before the previous checkpoint loses its name
            with suppress(FileNotFoundError):
                os.replace(path, folder / PREVIOUS)
    except (OSError, SafetensorError) as error:
        raise OSError(f"could not write checkpoint {path}: {error}; the previous checkpoint is kept") from error
    return path


def load(folder: Path, state: TrainingState, run: RunIdentity) -> bool:
    """Load the folder's readable checkpoint with the most epochs into a new state; return False if there is none.

    A copy from the store becomes the folder's own checkpoint, which a run that has all its epochs needs in the end.

    Raises ValueError if a checkpoint belongs to another run or other data, or if there are checkpoints but none can be
    read; a damaged copy from the store counts as none. Raises OSError if the disk is full.
    """
    paths = [path for name in (NAME, PREVIOUS, STORED_CHECKPOINT) if (path := folder / name).exists()]
    problems = []
    for path in sorted(paths, key=epochs_in, reverse=True):
        try:
            content = _read(path, state.network)
        except (OSError, SafetensorError, ValueError) as error:
            problems.append(f"{path}: {error}")
            continue
        _check_key(path, content, run.key)
        _fill(state, path, content, run)
        if path.name == STORED_CHECKPOINT:
            save(folder, state, run)
        return True
    if problems and [path.name for path in paths] != [STORED_CHECKPOINT]:
        raise ValueError(f"no readable checkpoint ({'; '.join(problems)}); --force restarts the run")
    return False


def keep_snapshot(folder: Path, epoch: int) -> None:
    """Keep a copy of the folder's checkpoint as the snapshot after an epoch; raises OSError if the disk is full."""
    with atomic_write(folder / snapshot_name(epoch)) as unfinished:
        shutil.copyfile(folder / NAME, unfinished)


def has_snapshot(folder: Path, epoch: int) -> bool:
    """Tell whether the folder has a snapshot after an epoch."""
    return (folder / snapshot_name(epoch)).exists()


def adopt(path: Path, state: TrainingState, run: RunIdentity, parent_key: str) -> None:
    """Load what a run begins with into a new state: of a fork, the snapshot of its trunk where it leaves it.

    Otherwise the last checkpoint of a parent run, whose regime is the beginning of this run's or all of it.

    Raises ValueError naming the file if it is unreadable, another run's, or of another epoch: for a fork, not of where
    it leaves its trunk; otherwise, not at the end of a phase.
    """
    fork = run.seeds.fork
    try:
        content = _read(path, state.network)
    except (OSError, SafetensorError, ValueError) as error:
        remedy = "--no-reuse trains without it" if fork is None else "--force trains its trunk again"
        raise ValueError(f"{path}: not a readable checkpoint: {error}; {remedy}") from None
    _check_key(path, content, parent_key)
    if fork is not None:
        if len(content.history) != fork.at:
            raise ValueError(f"checkpoint {path} is of epoch {len(content.history)}, and the fork begins at {fork.at}")
        _fill(state, path, content, run)
        return
    ends = [total_epochs(run.regime[:number]) for number in range(1, len(run.regime) + 1)]
    ended_early = no_progress(content.history, len(run.regime), run.regime[-1].stop_after)
    if len(content.history) not in ends and not ended_early:
        raise ValueError(f"checkpoint {path} is not at the end of a phase; --no-reuse trains without it")
    _fill(state, path, content, run)


def load_trained(path: Path, network: MultiExitNetwork, key: str) -> CheckpointInfo:
    """Load the weights of a checkpoint into a network in the run's final form; the file is validated.

    Raises ValueError naming the file if it is unreadable, another run's or of another network.
    """
    try:
        content = _read(path, network)
        info = _data_info(content.meta)
    except (OSError, SafetensorError, ValueError) as error:
        raise ValueError(f"{path}: not a readable checkpoint: {error}") from None
    _check_key(path, content, key)
    weights = _under("network/", content.tensors)
    if not all(tensor.isfinite().all() for tensor in weights.values()):
        raise ValueError(f"checkpoint {path} has weights that are no numbers")
    _load_network(network, path, weights)
    return CheckpointInfo(info, content.meta.get("data", ""), content.history)


def _check_key(path: Path, content: "_Content", key: str) -> None:
    if content.meta.get("run_key") != key:
        raise ValueError(f"checkpoint {path} belongs to run {content.meta.get('run_key')}, not to {key}")


def _data_info(meta: Mapping[str, str]) -> DataInfo | None:
    try:
        return DataInfo.model_validate_json(meta["inputs"]) if "inputs" in meta else None
    except ValidationError:
        raise ValueError("its normalisation of images is not valid") from None


def _tensors(state: TrainingState) -> dict[str, Tensor]:
    weights = {f"network/{name}": tensor for name, tensor in state.network.state_dict().items()}
    teacher = state.teacher.state_dict() if state.teacher is not None else {}
    course = state.recorder.tensors() if state.recorder is not None else {}
    return (
        weights
        | {f"momentum/{name}": buffer for name, buffer in state.momentum.items()}
        | {f"square/{name}": buffer for name, buffer in state.squares.items()}
        | {f"teacher/{name}": tensor for name, tensor in teacher.items()}
        | {f"course/{name}": tensor for name, tensor in course.items()}
    )


def _fill(state: TrainingState, path: Path, content: "_Content", run: RunIdentity) -> None:
    meta, tensors, history = content
    if meta.get("data", run.data_digest) != run.data_digest:  # early checkpoints have no digest
        raise ValueError(
            f"checkpoint {path} was trained on other data (SHA-256 {meta['data'][:12]}..., now "
            f"{run.data_digest[:12]}...); --force restarts the run"
        )
    _rebuild(state, run, len(history))
    _load_network(state.network, path, _under("network/", tensors))
    if state.teacher is not None:
        _load_network(state.teacher, path, _under("teacher/", tensors))
    parameters = dict(state.network.named_parameters())
    for prefix, moments in (("momentum/", state.momentum), ("square/", state.squares)):
        moments.clear()
        for name, buffer in _under(prefix, tensors).items():
            own = parameters.get(name)
            if own is None or (own.shape, own.dtype) != (buffer.shape, buffer.dtype):
                raise ValueError(f"checkpoint {path} is of another network: it has momentum of {name_of(name)}")
            moments[name] = buffer.to(own.device)
    if state.recorder is not None:
        try:
            state.recorder.restore(meta.get("course", ""), _under("course/", tensors))
        except ValueError as error:
            raise ValueError(f"checkpoint {path}: {error}; --force restarts the run") from None
    state.history[:] = history


def _rebuild(state: TrainingState, run: RunIdentity, epochs_done: int) -> None:
    """Give a new state the structure that it had after that many epochs; the weights are then loaded into it."""
    before = 0
    for number, phase in enumerate(run.regime):
        if before >= epochs_done:
            return
        inside = before < epochs_done < before + phase.epochs
        state.teacher = teacher_of(state.network) if inside and phase.has_teacher else None
        state.network = with_attachments(state.network, phase, number, run.seeds)
        before += phase.epochs


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _load_network(network: torch.nn.Module, path: Path, weights: Mapping[str, Tensor]) -> None:
    own = network.state_dict()
    for name, tensor in weights.items():
        if name in own and tensor.dtype != own[name].dtype:
            raise ValueError(f"checkpoint {path}: {name_of(name)} is {tensor.dtype}, expected {own[name].dtype}")
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise ValueError(f"checkpoint {path} is of another network: {str(error).splitlines()[-1].strip()}") from None


def _history(meta: Mapping[str, str]) -> tuple[EpochRecord, ...]:
    try:
        return _RECORDS.validate_json(meta.get("history", ""))
    except ValidationError:
        raise ValueError("its record of epochs is not valid") from None


def _read(path: Path, network: torch.nn.Module) -> _Content:
    """Read a checkpoint of about this network; raises ValueError, OSError or SafetensorError where it is none."""
    check_size(path.stat().st_size, network.state_dict().values())
    with safe_open(path, framework="pt") as file:
        meta = file.metadata() or {}
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    if meta.get("format") != FORMAT:
        raise ValueError(f"checkpoint format {meta.get('format')!r}, expected {FORMAT!r}")
    if meta.get("digest") != _digest(tensors):
        raise ValueError("its contents do not match its digest")
    return _Content(meta, tensors, _history(meta))


def _digest(tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(f"{name} {tensors[name].dtype} {tuple(tensors[name].shape)}".encode())
        try:
            digest.update(tensors[name].numpy().tobytes())
        except TypeError:  # a type that numpy does not have; no checkpoint is written with one
            raise ValueError(f"{name_of(name)} is {tensors[name].dtype}") from None
    return digest.hexdigest()
