"""A stored run as plain files, which need no store: predictions, definition, provenance, checkpoint."""

import json
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from overthink.predictions.course import COURSE_FILE
from overthink.running.exported import RUN_FILE, facts_of
from overthink.running.new_folder import new_folder
from overthink.running.run_files import EVERYTHING
from overthink.store import tags
from overthink.store.errors import MissingArtifactError
from overthink.store.readable_store import ReadableStore
from overthink.store.stored import StoredRun
from overthink.training.regime import OWN_CHECKPOINT


class Exported(NamedTuple):
    """The folder of a run."""

    folder: Path
    files: tuple[str, ...]
    """In it, with `/`."""
    missing: tuple[str, ...]
    """What the store does not have, although such runs have it."""


def export_run(store: ReadableStore, run: StoredRun, folder: Path) -> Exported:
    """Copy what the store has of a run, byte for byte, into a new folder; nothing is left there where that fails.

    Raises ValueError where the folder exists, MissingArtifactError where the run has no test predictions.
    """
    with new_folder(folder) as place:
        there, missing = [], []
        for name in _artifacts(run):
            try:
                _copy(store, run, name, place)
                there.append(name)
            except MissingArtifactError:
                if name == "predictions/test.parquet":
                    raise
                missing.append(name)
        facts = json.dumps(facts_of(run).model_dump(mode="json"), indent=2)
        (place / RUN_FILE).write_text(facts, encoding="utf-8")
    return Exported(folder, (*there, RUN_FILE), tuple(missing))


def _artifacts(run: StoredRun) -> list[str]:
    splits = [*run.splits, *([EVERYTHING] if run.is_policy else [])]
    course = [f"predictions/{COURSE_FILE}"] if run.records else []
    names = [f"predictions/{split}.parquet" for split in splits] + course + [tags.PROVENANCE_FILE]
    return names if run.imported else [*names, tags.DEFINITION_FILE, f"checkpoint/{OWN_CHECKPOINT}"]


def _copy(store: ReadableStore, run: StoredRun, name: str, place: Path) -> None:
    with TemporaryDirectory() as temporary:
        source = store.artifact(run.run_id, name, Path(temporary))
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, place / name)
