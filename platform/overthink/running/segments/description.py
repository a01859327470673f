"""The file `model.json` beside the segments of a network: all that a program needs to use them."""

from math import inf

from overthink.inference.budgeted import LookupTable
from overthink.running.segments.trace import IMAGES
from overthink.running.trained_network import TrainedNetwork
from overthink.spec import Spec
from overthink.store.stored import StoredRun

DESCRIPTION = "model.json"
Thresholds = tuple[float | None, ...]
"""Of every exit but the last, where all remaining images exit; null for an exit that no image leaves at."""


class RunInfo(Spec):
    """The run that trained the network."""

    run_id: str
    run_key: str
    name: str


class InputInfo(Spec):
    """What the first segment reads: (pixels / 255 - mean) / std as float32, axes (images, channels, rows, columns)."""

    name: str
    shape: tuple[int, int, int]
    """Channels, rows and columns of an image."""
    mean: tuple[float, ...]
    std: tuple[float, ...]
    """Per channel, of pixels divided by 255."""


class ExitInfo(Spec):
    """One segment. An output is called as the input of the next segment is that reads it."""

    exit: int
    """From 1."""
    file: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    mul_adds: int
    """Of one image, cumulative."""


class BudgetInfo(Spec):
    """Thresholds, and what they cost and are worth on validation data."""

    mean_mul_adds: float
    """Per image."""
    validation_accuracy: float
    """A fraction."""
    thresholds: Thresholds


class CheckInfo(Spec):
    """How the files were compared with the package's own prediction after they had been written."""

    images: int
    of: str
    """Test images, or noise where the data set is not there."""
    largest_difference: float
    """Of a logit, over all exits."""
    by_rounding: int
    """Images with a confidence so near a threshold that rounding decides where they exit."""


class Description(Spec):
    """What `model.json` holds."""

    format_version: int = 1
    overthink: str
    """The version that has written it."""
    format: str
    run: RunInfo
    input: InputInfo
    classes: tuple[str, ...]
    criterion: str
    budget: float | None
    """What `thresholds` were chosen for, MUL-ADDs per image; null for the most accurate ones at any cost."""
    thresholds: Thresholds
    exits: tuple[ExitInfo, ...]
    budgets: tuple[BudgetInfo, ...]
    """All thresholds to choose from, the cheapest first; none for a network with one exit."""
    checked: CheckInfo


def run_info(run: StoredRun) -> RunInfo:
    """Return what a description says of a run."""
    return RunInfo(run_id=run.run_id, run_key=run.run_key, name=run.name)


def input_info(trained: TrainedNetwork) -> InputInfo:
    """Return what a description says of images."""
    shape, info = trained.definition.dataset.input_shape, trained.data_info
    return InputInfo(name=IMAGES, shape=shape, mean=info.mean, std=info.std)


def budgets_of(table: LookupTable) -> tuple[BudgetInfo, ...]:
    """Return the rows of a lookup table, those with equal thresholds once."""
    rows = sorted(range(len(table.mean_cost_P)), key=lambda row: float(table.mean_cost_P[row]))
    found = {
        thresholds: BudgetInfo(
            mean_mul_adds=float(table.mean_cost_P[row]),
            validation_accuracy=float(table.accuracy_P[row]),
            thresholds=thresholds,
        )
        for row in rows
        for thresholds in [finite(table.threshold_PE[row].tolist())]
    }
    return tuple(found.values())


def finite(threshold_E: list[float]) -> Thresholds:
    """Return thresholds of all exits as JSON can hold them, without the last exit's."""
    return tuple(None if value == inf else value for value in threshold_E[:-1])
