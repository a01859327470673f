"""What commands need that look at a stored run's images again: its definition, and its data set."""

from pathlib import Path

from overthink.data.catalogue import load_dataset
from overthink.data.dataset import Dataset
from overthink.data.digits import default_root
from overthink.definition.errors import DefinitionError
from overthink.definition.run_definition import RunDefinition, parse_run
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.reader import data_digests
from overthink.store.stored import StoredRun


def definition_of(store: Store, run: StoredRun) -> RunDefinition:
    """Return the definition that is stored with a run."""
    return parse_run(store.text(run.run_id, tags.DEFINITION_FILE), f"{tags.DEFINITION_FILE} of run {run.run_id}")


def dataset_of(store: Store, run: StoredRun, data_root: Path | None) -> Dataset:
    """Load a run's data set; raises DefinitionError where it is not on this machine, or not what the run saw."""
    root, spec = data_root or default_root(), definition_of(store, run).dataset
    if not spec.is_here(root):
        raise DefinitionError(
            f"this looks at images, and the run's data set, {spec.kind}, is not in {root}; --data-root says "
            f"where it is, overthink data get fetches it"
        )
    dataset, seen = load_dataset(spec, data_root), data_digests(store, run.run_id)
    if seen and not dataset.digest.startswith(seen):
        raise DefinitionError(
            f"{run.name}: this looks at images, and the run saw other data (SHA-256 {seen[0][:12]}...) than are here "
            f"now ({dataset.digest[:12]}...)"
        )
    return dataset
