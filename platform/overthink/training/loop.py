"""The training loop: `fit` yields a record per epoch, which the caller logs and saves."""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from overthink.data.augment import AugmentSpec
from overthink.data.batches import Samples, n_batches, training_batches
from overthink.metrics.overthinking import final_overthinking_rate, overthinking_rate
from overthink.networks.cost import mul_adds
from overthink.networks.kernels import TORCH, Descent, Kernels
from overthink.networks.multi_exit import MultiExitNetwork
from overthink.seeds import Seeds, generator
from overthink.settings import cuda_graphs
from overthink.training.captured_step import LastCapture
from overthink.training.epoch_record import EpochRecord
from overthink.training.evaluate import evaluate, logits_of
from overthink.training.gradients import gradient_dominance
from overthink.training.noise import seeded_noise
from overthink.training.phases import make_ready, teacher_of, with_attachments
from overthink.training.recording import Recorder
from overthink.training.regime import Phase
from overthink.training.step import TrainingStep


class DivergedError(ArithmeticError):
    """The loss became infinite or NaN; the message gives the epoch."""


@dataclass
class TrainingState:
    """Everything that changes during training; `checkpoint` saves and loads it."""

    network: MultiExitNetwork
    momentum: dict[str, Tensor] = field(default_factory=dict)
    """Momentum of each parameter by name; empty before a phase's first step."""
    squares: dict[str, Tensor] = field(default_factory=dict)
    """Adam's second moments likewise; its first moments are `momentum`."""
    history: list[EpochRecord] = field(default_factory=list)
    teacher: MultiExitNetwork | None = None
    """The network as it was at the end of the previous phase, in phases that distil from it."""
    recorder: Recorder | None = None
    """Records the answers to some samples; None where the run asks for none."""

    @property
    def epochs_done(self) -> int:
        """Number of epochs done, over all phases."""
        return len(self.history)


@dataclass(frozen=True)
class _Setup:
    """What stays the same throughout a training."""

    regime: tuple[Phase, ...]
    train: Samples
    validation: Samples
    augment: AugmentSpec
    seeds: Seeds
    kernels: Kernels
    capture: LastCapture = field(default_factory=LastCapture)


def fit(
    state: TrainingState,
    regime: tuple[Phase, ...],
    train: Samples,
    validation: Samples,
    augment: AugmentSpec,
    seeds: Seeds,
    kernels: Kernels = TORCH,
) -> Iterator[EpochRecord]:
    """Train from the state's current epoch to the end of the regime; yield a record after each epoch.

    Raises DivergedError as soon as a loss is not finite.
    """
    setup = _Setup(regime, train, validation, augment, seeds, kernels)
    steps = [(phase, epoch) for phase, spec in enumerate(regime) for epoch in range(spec.epochs)]
    for phase, epoch in steps[state.epochs_done :]:
        if no_progress(state.history, phase + 1, regime[phase].stop_after):
            return
        if epoch == 0:
            _enter(state, regime[phase], phase, seeds)
        record = _run_epoch(state, setup, phase, epoch)
        state.history.append(record)
        if epoch + 1 == regime[phase].epochs:
            state.teacher = None
        yield record


def no_progress(history: Sequence[EpochRecord], phase: int, stop_after: int | None) -> bool:
    """Return whether the last `stop_after` epochs of a phase (from 1) had no lower validation loss, summed over exits.

    It depends on the history alone, so that a resumed run stops at the same epoch.
    """
    losses = [sum(record.val_loss) for record in history if record.phase == phase]
    return stop_after is not None and bool(losses) and len(losses) - 1 - losses.index(min(losses)) >= stop_after


def _enter(state: TrainingState, spec: Phase, phase: int, seeds: Seeds) -> None:
    state.momentum.clear()  # a phase starts with fresh momentum
    state.squares.clear()
    state.teacher = teacher_of(state.network) if spec.has_teacher else None
    state.network = with_attachments(state.network, spec, phase, seeds)


def _run_epoch(state: TrainingState, setup: _Setup, phase: int, epoch: int) -> EpochRecord:
    started = time.perf_counter()
    spec, train = setup.regime[phase], setup.train
    weights_C = spec.loss.class_weights(train.labels_N, state.network.n_classes)
    loss, accuracy_E, dominance_E = _train_epoch(state, setup, phase, epoch, weights_C)
    trained = time.perf_counter()
    number = state.epochs_done + 1
    _check_finite(loss, f"the training loss became {loss} in epoch {number} at learning rate {spec.lr_at(epoch):g}")
    on_validation = evaluate(state.network, setup.validation, weights_C, setup.kernels)
    val_loss = tuple(on_validation.loss_E.double().tolist())
    _check_finite(sum(val_loss), f"the validation loss became {sum(val_loss)} after epoch {number}")
    if state.recorder is not None and state.recorder.is_due(number, epoch + 1 == spec.epochs):
        at_hand_ENC = state.recorder.of_validation(on_validation.logits_ENC)
        _record(state.recorder, state.network, setup.kernels, (number, phase + 1, spec.lr_at(epoch)), at_hand_ENC)
    correct_EN = on_validation.correct_EN.numpy()
    return EpochRecord(
        epoch=number,
        phase=phase + 1,
        lr=spec.lr_at(epoch),
        train_loss=loss,
        train_accuracy=tuple(accuracy_E.tolist()),
        val_loss=val_loss,
        val_accuracy=tuple(on_validation.accuracy_E.tolist()),
        seconds=time.perf_counter() - started,
        images_per_second=len(train.labels_N) / (trained - started),
        val_overthinking=overthinking_rate(correct_EN),
        val_final_overthinking=final_overthinking_rate(correct_EN),
        val_oracle=float(correct_EN.any(axis=0).mean()),
        gradient_dominance=dominance_E,
    )


def _train_epoch(
    state: TrainingState, setup: _Setup, phase: int, epoch: int, weights_C: Tensor | None
) -> tuple[float, Tensor, tuple[float, ...]]:
    """Return the mean loss, the accuracy of each exit, and its gradient dominance where that is asked for.

    Sums stay on the device, so the loop never waits for it.
    """
    spec, train, seeds = setup.regime[phase], setup.train, setup.seeds
    device = train.images_NKHW.device
    loss = spec.loss.at(epoch, spec.epochs, lambda: _relative_costs(state.network, train))
    loss_of = loss.build(state.network.n_exits, device, weights_C)
    make_ready(state.network, spec)
    all_batches = n_batches(len(train.labels_N), spec.batch_size)
    step = TrainingStep(
        state.network,
        setup.kernels.training(state.network, spec.gradient_equilibrium),
        loss_of,
        None if state.teacher is None else setup.kernels.last_exit(state.teacher),
        setup.kernels,
        state.momentum,
        Descent(spec.lr_at(epoch), spec.momentum, spec.weight_decay),
        state.squares if spec.optimiser == "adam" else None,
        epoch * all_batches,
        spec.learning,
    )
    # A recording would hold Adam's correction, which changes from step to step
    captures = device.type == "cuda" and cuda_graphs() and spec.optimiser != "adam"
    take = setup.capture.of((phase, step.descent, loss), step) if captures else step
    order, augmentation = generator(seeds, "order", phase, epoch), generator(seeds, "augment", phase, epoch)
    batches = seen = 0
    with seeded_noise(seeds, phase, epoch, device):
        for images_BKHW, labels_B in training_batches(train, spec.batch_size, setup.augment, order, augmentation):
            take(images_BKHW, labels_B)
            batches, seen = batches + 1, seen + len(labels_B)
            if state.recorder is not None and state.recorder.after_step() and batches < all_batches:
                moment = state.epochs_done + batches / all_batches, phase + 1, spec.lr_at(epoch)
                _record(state.recorder, state.network, setup.kernels, moment)
                make_ready(state.network, spec)
    dominance_E = (
        gradient_dominance(state.network, spec, loss_of, step.teacher, train) if spec.gradient_dominance else ()
    )
    return float(take.sums.loss) / batches, (take.sums.right_E / seen).cpu(), dominance_E


def _record(
    recorder: Recorder,
    network: MultiExitNetwork,
    kernels: Kernels,
    moment: tuple[float, int, float],
    at_hand_ENC: Tensor | None = None,
) -> None:
    """Record the answers at a moment (epochs done, phase, learning rate), by logits that are at hand, if they are."""
    answers_ENC = logits_of(network, recorder.samples, kernels) if at_hand_ENC is None else at_hand_ENC
    recorder.add(answers_ENC, *moment)


def _relative_costs(network: MultiExitNetwork, train: Samples) -> tuple[float, ...]:
    """Return the MUL-ADDs of each exit relative to the last one's, (E,)."""
    channels, height, width = train.images_NKHW.shape[1:]
    cost_E = mul_adds(network, (channels, height, width))
    return tuple(cost / cost_E[-1] for cost in cost_E)


def _check_finite(value: float, sentence: str) -> None:
    if not math.isfinite(value):
        raise DivergedError(f"{sentence}: the run diverged; try a lower learning rate")
