"""What commands need that look at a stored run's images again: its definition, and its data set."""

from pathlib import Path
from tempfile import TemporaryDirectory

from overthink.data.catalogue import load_dataset
from overthink.data.dataset import Dataset
from overthink.data.digits import default_root
from overthink.definition.errors import DefinitionError
from overthink.definition.run_definition import RunDefinition, parse_run
from overthink.tracking import tags
from overthink.tracking.store import Store
from overthink.tracking.stored import StoredRun


def definition_of(store: Store, run: StoredRun) -> RunDefinition:
    """Return the definition that is stored with a run."""
    with TemporaryDirectory() as folder:
        text = store.artifact(run.run_id, tags.DEFINITION_FILE, Path(folder)).read_text()
    return parse_run(text, f"{tags.DEFINITION_FILE} of run {run.run_id}")


def dataset_of(run: RunDefinition, data_root: Path | None) -> Dataset:
    """Load a run's data set; raises DefinitionError where it is not on this machine."""
    root = data_root or default_root()
    if not run.dataset.is_here(root):
        raise DefinitionError(
            f"this looks at images, and the run's data set, {run.dataset.kind}, is not in {root}; --data-root says "
            f"where it is, overthink data get fetches it"
        )
    return load_dataset(run.dataset, data_root)
