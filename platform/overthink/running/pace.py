"""How fast a phase of a run is trained on a machine; without torch, so that whoever reads it need not import that."""

from collections.abc import Sequence
from typing import NamedTuple

from overthink.definition.plain_data import short_hash
from overthink.definition.run_definition import RunDefinition

DURATION = ("epochs", "stop_after")
"""Values of a phase that decide how many epochs it has."""
RATES = ("lr", "drops", "drop_factor", "momentum", "weight_decay")
"""Values of a phase that decide what its steps do, and not how long they take."""


class Pace(NamedTuple):
    """Seconds that parts of a run take, and bytes that it leaves behind."""

    load: float
    """Loading the data and building the network; a process does the first once for runs on the same data."""
    epoch: float
    """An epoch of the phase: training, validation and checkpoint."""
    sample: float
    """Evaluating one sample."""
    finish: float
    """What follows the last epoch: predictions, metrics and the run's page."""
    samples: dict[str, int]
    """Number of samples in train, val and test."""
    checkpoint: int
    """Bytes of a checkpoint in the phase, momentum and a teacher included."""
    predictions: int
    """Bytes of the predictions on all splits."""
    page: int
    """Bytes of the run's page."""


class PhaseOfRun(NamedTuple):
    """A phase of a run, counted from 0; None for a run that trains nothing and is evaluated alone."""

    run: RunDefinition
    phase: int | None

    @property
    def key(self) -> str:
        """The hash of all that its pace depends on, the machine excepted.

        Left out is what changes no time: seeds, learning rates, the numbers of epochs, which weights it begins with,
        and earlier phases apart from what they attach.
        """
        plain = self.run.model_dump(mode="json", exclude={"seeds", "regime", "weights", "keep", "record", "policy"})
        plain["dataset"].pop("corruption", None)
        attached = [phase.attach for phase in self.run.regime[: self.phase or 0] if phase.attach is not None]
        return short_hash(
            {
                **plain,
                "kernels": self.run.kernels,
                "labels": None if self.run.policy is None else [self.run.policy.labels.source, *self.run.policy.exits],
                "attached": [one.model_dump(mode="json") for one in attached],
                "phase": None if self.phase is None else self.steps,
                "kernel": self.run.seeds.at_end.kernel,
            }
        )

    @property
    def steps(self) -> dict[str, object]:
        """What decides how long a step of the phase takes."""
        assert self.phase is not None
        return self.run.regime[self.phase].model_dump(mode="json", exclude={*DURATION, *RATES})


class RunPace(NamedTuple):
    """Seconds that the parts of a run take, by timed steps or by earlier runs."""

    load: float
    """Loading the data and building the network; by earlier runs, that and `finish` are in the epochs."""
    epochs: tuple[float, ...]
    """An epoch of each phase."""
    finish: float
    earlier: tuple[str, ...] = ()
    """Ids of the earlier runs that it is from; none where steps were timed."""
    paces: tuple[Pace, ...] = ()
    """Of its phases, or of its evaluation alone, where steps were timed."""

    def seconds(self, epochs: Sequence[int]) -> float:
        """Return how long a run takes that trains so many epochs of each phase, from its start on the data at hand."""
        return sum(count * of_one for count, of_one in zip(epochs, self.epochs, strict=True)) + self.finish
