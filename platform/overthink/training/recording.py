"""Recording the course of a training: what it answers to some samples, after each epoch or some steps.

What is recorded is for looking at: nothing of the training reads it, so a run that records has the weights of one that
does not, bit for bit.
"""

from collections.abc import Mapping
from typing import Annotated

import numpy as np
import torch
from pydantic import Field, ValidationError
from torch import Tensor

from overthink.data.batches import Samples, n_batches
from overthink.predictions.arrays import IntArray
from overthink.predictions.course import ByteArray, Course, Moment
from overthink.spec import Spec
from overthink.training.record_spec import RecordSpec
from overthink.training.regime import Phase

LARGEST_COURSE = 48_000_000
"""Bytes of a course in a checkpoint: one and an eighth for each moment, exit and sample."""


class Recorder:
    """Records the answers of one training; `checkpoint` keeps what it has recorded so far."""

    def __init__(self, spec: RecordSpec, samples: Samples, validation_rows_N: IntArray | None = None) -> None:
        """Take the samples to record; of validation samples also their rows, whose logits each epoch has at hand."""
        self.samples = samples
        self.steps = 0
        """Training steps done, over all phases."""
        self.moments: list[Moment] = []
        self._spec = spec
        self._rows_N = validation_rows_N
        self._right: list[ByteArray] = []
        """(E, ceil(N / 8)) of each moment: bits."""
        self._confidence: list[ByteArray] = []
        """(E, N) of each moment."""

    def after_step(self) -> bool:
        """Count a training step; return whether the answers are to be recorded after it, wherever it lies."""
        self.steps += 1
        return self._spec.every_steps is not None and self.steps % self._spec.every_steps == 0

    def is_due(self, epochs_done: int, ends_phase: bool) -> bool:
        """Return whether the answers are to be recorded at the end of an epoch."""
        if ends_phase:
            return True
        steps, epochs = self._spec.every_steps, self._spec.every_epochs
        return self.steps % steps == 0 if steps is not None else epochs_done % epochs == 0

    def of_validation(self, logits_ENC: Tensor) -> Tensor | None:
        """Return the recorded samples' logits among those of all validation samples; None where they are others."""
        return None if self._rows_N is None else logits_ENC[:, torch.from_numpy(self._rows_N)]

    def add(self, logits_ENC: Tensor, epoch: float, phase: int, lr: float) -> None:
        """Record the answers, given the logits of the recorded samples."""
        confidence_EN, predicted_EN = logits_ENC.softmax(dim=2).max(dim=2)
        right_EN = (predicted_EN == self.samples.labels_N.cpu()).numpy()
        self.moments.append(Moment(float(epoch), self.steps, phase, lr))
        self._right.append(np.packbits(right_EN, axis=1))
        self._confidence.append((255 * confidence_EN).round().to(torch.uint8).numpy())

    # In a checkpoint

    def tensors(self) -> dict[str, Tensor]:
        """Return what is recorded, to be kept; empty before the first moment."""
        if not self.moments:
            return {}
        right, confidence = np.stack(self._right), np.stack(self._confidence)
        return {"right": torch.from_numpy(right), "confidence": torch.from_numpy(confidence)}

    def as_text(self) -> str:
        """Return when it was recorded, as JSON."""
        return _Kept(steps=self.steps, moments=tuple(self.moments)).model_dump_json()

    def restore(self, text: str, tensors: Mapping[str, Tensor]) -> None:
        """Take over what `as_text` and `tensors` gave; raises ValueError where that is no record of these samples."""
        try:
            kept = _Kept.model_validate_json(text)
        except ValidationError:
            raise ValueError("its record of answers is not valid") from None
        n_moments, n_samples = len(kept.moments), len(self.samples.labels_N)
        if n_moments:
            confidence_TEN = _of_type(tensors, "confidence", (n_moments, n_samples))
            right_TEN = _of_type(tensors, "right", (n_moments, -(-n_samples // 8)))
            self._confidence, self._right = list(confidence_TEN), list(right_TEN)
        self.steps, self.moments = kept.steps, list(kept.moments)

    def course(self, split: str, fingerprint: str, ids_N: IntArray) -> Course:
        """Return all that is recorded; `ids_N` are the ids of the recorded samples."""
        right_TEN = np.unpackbits(np.stack(self._right), axis=2, count=len(ids_N)).astype(np.bool_)
        labels_N = self.samples.labels_N.cpu().numpy()
        confidence_TEN = np.stack(self._confidence)
        return Course(split, fingerprint, tuple(self.moments), ids_N, labels_N, right_TEN, confidence_TEN)


class _Kept(Spec):
    steps: Annotated[int, Field(ge=0)]
    moments: tuple[Moment, ...]


def _of_type(tensors: Mapping[str, Tensor], name: str, shape: tuple[int, int]) -> ByteArray:
    """Return bytes of so many moments and so many a sample; raises ValueError where there are others."""
    found = tensors.get(name)
    if found is None or found.dtype != torch.uint8 or found.ndim != 3 or (len(found), found.shape[2]) != shape:
        raise ValueError("its record of answers is of other samples or moments")
    values: ByteArray = found.numpy()
    return values


def check_room(spec: RecordSpec, regime: tuple[Phase, ...], n_trained_on: int, n_exits: int, n_samples: int) -> None:
    """Raise ValueError where the course of a regime is larger than a checkpoint may hold."""
    steps = [n_batches(n_trained_on, phase.batch_size) for phase in regime]
    count = spec.recordings([phase.epochs for phase in regime], steps) + len(regime)  # the end of each phase, too
    size = count * n_exits * (n_samples + -(-n_samples // 8))
    if size > LARGEST_COURSE:
        raise ValueError(
            f"record: {n_samples} samples at {n_exits} exits and up to {count} moments are {size:,} bytes, more than "
            f"{LARGEST_COURSE:,}; record fewer samples (ids), or less often"
        )
