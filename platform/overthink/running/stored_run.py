"""What a finished run left in the store, read back: definition, data set, predictions, network, thresholds.

MissingArtifactError is raised where an artifact is missing, UnreadableRunError where it cannot be read.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from overthink.data.catalogue import load_dataset
from overthink.data.dataset import Dataset
from overthink.data.digits import default_root
from overthink.definition.errors import DefinitionError
from overthink.definition.run_definition import RunDefinition, parse_run
from overthink.exit_policies.catalogue import named
from overthink.exit_policies.guarantee import Certified, Promise, certify
from overthink.exit_policies.policy import Point
from overthink.inference.budget_file import from_json
from overthink.inference.budgeted import LookupTable, lookup_table
from overthink.inference.confidence import criterion_named
from overthink.inference.temperature import scaled, temperatures
from overthink.predictions.arrays import FloatArray
from overthink.store import tags
from overthink.store.errors import MissingArtifactError
from overthink.store.readable_store import ReadableStore
from overthink.store.stored import StoredRun
from overthink.store.unreadable import reading
from overthink.training.regime import OWN_CHECKPOINT

if TYPE_CHECKING:  # it imports torch, which thresholds and predictions do not need
    from overthink.running.trained_network import TrainedNetwork


def check_trained_here(run: StoredRun) -> None:
    """Raise ValueError where a run was imported: it has no definition, network or images here."""
    if run.imported:
        raise ValueError(
            f"{run.name}: it was imported or is a cascade, so that its predictions are all there is; this command "
            "needs its definition"
        )


def definition_of(store: ReadableStore, run_id: str) -> RunDefinition:
    """Return the resolved definition of a run; raises UnreadableRunError where it is not valid."""
    text = store.text(run_id, tags.DEFINITION_FILE)
    with reading(run_id, tags.DEFINITION_FILE):
        return parse_run(text, tags.DEFINITION_FILE)


def dataset_of(store: ReadableStore, run: StoredRun, data_root: Path | None) -> Dataset:
    """Return the data set of a run; raise DefinitionError where it is missing here or differs from the run's."""
    check_trained_here(run)
    root, spec = data_root or default_root(), definition_of(store, run.run_id).dataset
    if not spec.is_here(root):
        raise DefinitionError(
            f"{run.name}: this command needs images, and the data set {spec.kind} is not in {root}; "
            f"name its folder with --data-root, or download it with overthink data get"
        )
    dataset, seen = load_dataset(spec, data_root), tuple(run.data.split())
    if seen and not dataset.digest.startswith(seen):
        raise DefinitionError(
            f"{run.name}: the run was trained on other data (SHA-256 {seen[0][:12]}...) than {root} holds "
            f"({dataset.digest[:12]}...)"
        )
    return dataset


def network_of(store: ReadableStore, run_id: str, data_root: Path | None) -> "TrainedNetwork":
    """Return the trained network of a run; see `restored` for when `data_root` is needed."""
    from overthink.running.trained_network import restored

    with TemporaryDirectory() as folder:
        definition, name = definition_of(store, run_id), f"checkpoint/{OWN_CHECKPOINT}"
        checkpoint = store.artifact(run_id, name, Path(folder))
        with reading(run_id, name, checkpoint):
            return restored(definition, checkpoint, data_root)


def check_validation(run: StoredRun) -> None:
    """Raise ValueError where a run has no validation predictions."""
    if not run.has_validation:
        raise ValueError(
            f"{run.name}: it has no validation predictions, on which thresholds are chosen; import them with --val"
        )


def policy_of(store: ReadableStore, run: StoredRun, policy: str, budget: float) -> Point:
    """Return an exit policy for a budget per sample, in the unit of the run's costs, fitted on its validation data."""
    check_validation(run)
    return named(policy).fit(store.predictions(run.run_id, "val")).at(budget)


def certified_of(store: ReadableStore, run: StoredRun, promise: Promise) -> Certified:
    """Return the threshold that a run's validation data certify for a promise of a risk; see `guarantee.certify`."""
    check_validation(run)
    return certify(store.predictions(run.run_id, "val"), promise)


def lookup_table_of(
    store: ReadableStore, run: StoredRun, criterion: str, scale: bool = False
) -> tuple[LookupTable, FloatArray | None]:
    """Return the lookup table of thresholds of a run and, where `scale` is set, the temperature of each exit (E,).

    The table is the stored one, else it is computed from the validation predictions. With `scale`, confidences are
    temperature-scaled first; raises ValueError where the run kept no logits.
    """
    check_validation(run)
    criterion = criterion_named(criterion)
    if run.analysis == tags.ANALYSIS_VERSION and not scale and not run.imported:
        found = _stored_table(store, run.run_id, criterion)
        if found is not None:
            return found, None
    predictions = store.predictions(run.run_id, "val")
    if not scale:
        return lookup_table(predictions, criterion), None
    temperature_E = temperatures(predictions)
    return lookup_table(scaled(predictions, temperature_E), criterion), temperature_E


def _stored_table(store: ReadableStore, run_id: str, criterion: str) -> LookupTable | None:
    file = tags.BUDGETS_FILE.format(criterion=criterion)
    try:
        text = store.text(run_id, file)
    except MissingArtifactError:  # as of runs that an earlier version analysed, with other names of criteria
        return None
    with reading(run_id, file):
        return from_json(text, file)
