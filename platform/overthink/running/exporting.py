"""A stored run as plain files, which need no store: predictions, definition, provenance, checkpoint."""

import json
import shlex
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from overthink.running.new_folder import new_folder
from overthink.running.run_data import EVERYTHING
from overthink.store import tags
from overthink.store.client import MissingArtifactError, Store
from overthink.store.stored import StoredRun
from overthink.training.regime import OWN_CHECKPOINT

RUN_FILE = "run.json"


class Exported(NamedTuple):
    """The folder of a run."""

    folder: Path
    files: tuple[str, ...]
    """In it, with `/`."""
    missing: tuple[str, ...]
    """What the store does not have, although such runs have it."""
    command: str
    """That imports the predictions again, from this folder."""


def export_run(store: Store, run: StoredRun, folder: Path) -> Exported:
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
        command = _command(run, folder, there)
        (place / RUN_FILE).write_text(json.dumps(_facts(run, command), indent=2), encoding="utf-8")
    return Exported(folder, (*there, RUN_FILE), tuple(missing), command)


def _artifacts(run: StoredRun) -> list[str]:
    splits = [*run.splits, *([EVERYTHING] if run.is_policy else [])]
    names = [f"predictions/{split}.parquet" for split in splits] + [tags.PROVENANCE_FILE]
    return names if run.imported else [*names, tags.DEFINITION_FILE, f"checkpoint/{OWN_CHECKPOINT}"]


def _copy(store: Store, run: StoredRun, name: str, place: Path) -> None:
    with TemporaryDirectory() as temporary:
        source = store.artifact(run.run_id, name, Path(temporary))
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, place / name)


def _facts(run: StoredRun, command: str) -> dict[str, str]:
    return {
        "name": run.name,
        "run_id": run.run_id,
        "run_key": run.run_key,
        "experiment": run.definition,
        "variant": run.variant,
        "seeds": run.seeds_label,
        "dataset": run.dataset.label,
        "network": run.network.label,
        "regime": run.regime.label,
        "imported": run.imported,
        "import": command,
    }


def _command(run: StoredRun, folder: Path, there: list[str]) -> str:
    """Return the command, relative to the folder beside which it stands; the experiment needs a name of its own."""
    options = {
        split: f"{folder.name}/predictions/{split}.parquet"
        for split in ("test", "val")
        if f"predictions/{split}.parquet" in there
    }
    if run.seeds:
        options["seeds"] = ",".join(f"{stream}={seed}" for stream, seed in run.seeds[0].model_dump().items())
    words = [f"--{option} {shlex.quote(value)}" for option, value in options.items()]
    return " ".join(["overthink import NAME", *words])
