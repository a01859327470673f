"""What one epoch of training leaves behind; without torch, so that whoever reads it need not import that."""

from dataclasses import dataclass


@dataclass(frozen=True)
class EpochRecord:
    """What one epoch did. Tuples hold a number per exit; losses are in nats, accuracies are fractions."""

    epoch: int
    """Counted from 1 over all phases: the epochs the network has seen."""
    phase: int
    """Counted from 1."""
    lr: float
    train_loss: float
    """The loss that was minimised, summed over exits and averaged over batches."""
    train_accuracy: tuple[float, ...]
    """Over the epoch's own batches, augmented and while the weights moved."""
    val_loss: tuple[float, ...]
    val_accuracy: tuple[float, ...]
    seconds: float
    images_per_second: float
    """Training images, the time for validation left out."""
