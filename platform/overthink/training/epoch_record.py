"""What one epoch of training leaves behind; without torch, so that whoever reads it need not import that."""

from dataclasses import dataclass


@dataclass(frozen=True)
class EpochRecord:
    """Results of one epoch. Tuples hold a number per exit; losses are in nats, accuracies are fractions."""

    epoch: int
    """Counted from 1 over all phases."""
    phase: int
    """Counted from 1."""
    lr: float
    train_loss: float
    """The minimised loss, summed over exits and averaged over batches."""
    train_accuracy: tuple[float, ...]
    """Over the epoch's augmented batches, while the weights changed."""
    val_loss: tuple[float, ...]
    val_accuracy: tuple[float, ...]
    seconds: float
    images_per_second: float
    """Training images per second, without the time for validation."""
    val_overthinking: float | None = None
    """Fraction of validation samples that some exit has right and any later one wrong; None in earlier versions."""
    val_final_overthinking: float | None = None
    """Fraction that an exit has right and the last one wrong, likewise."""
    val_oracle: float | None = None
    """Fraction that some exit has right: the accuracy of an oracle, likewise."""
    gradient_dominance: tuple[float, ...] = ()
    """Cosine of each exit's gradient and that of all, -1 to 1; nothing where it is not asked for."""
