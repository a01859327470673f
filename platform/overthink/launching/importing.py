"""Runs and groups of predictions that others computed, from files."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from overthink.definition.plain_data import short_hash
from overthink.launching.predicted_plan import PredictedGroup, PredictedRun
from overthink.launching.predicted_runs import RunInStore, store_predictions
from overthink.predictions.importing import Imported
from overthink.predictions.predictions import Predictions
from overthink.seeds import Seeds
from overthink.sentences import utf_8
from overthink.store.client import Store
from overthink.untrusted import in_markdown


@dataclass(frozen=True)
class ImportedGroup:
    """What imported runs have in common that differ in their seeds alone."""

    name: str
    variant: str = "base"
    dataset: str = ""
    source: str = ""
    """Where the predictions are from: an address, a commit, a paper."""
    command: str = ""
    """That imports them again."""


class RunToImport(NamedTuple):
    """The files of one training."""

    seeds: Seeds
    splits: Mapping[str, Imported]
    """By split; `test` is one of them."""
    files: Mapping[str, Path]

    @property
    def test(self) -> Predictions:
        """Its predictions on test data."""
        return self.splits["test"].predictions


def import_runs(
    store: Store, group: ImportedGroup, runs: Sequence[RunToImport], on_message: Callable[[str], None]
) -> list[RunInStore]:
    """Put runs into the store, and aggregate their group; what is there already is left as it is.

    Raises ValueError, before anything is made, where runs do not belong to one group, or other predictions are stored
    for the same seeds; StoreError where the store stays unreachable, and then `overthink sync` uploads the rest.
    """
    for run in runs:
        digests = [one.sha256 for one in run.splits.values()]
        if len({*digests}) < len(digests):
            raise ValueError(f"{run.files['test'].name}: two splits have the same file")
    predicted = [
        PredictedRun(
            run.seeds,
            {split: one.predictions for split, one in run.splits.items()},
            utf_8(run.files["test"].name),
            _provenance(group, run),
        )
        for run in runs
    ]
    return store_predictions(store, _group(group, runs), predicted, on_message)


def _group(group: ImportedGroup, runs: Sequence[RunToImport]) -> PredictedGroup:
    origin = group.source or ", ".join(sorted({utf_8(path.name) for run in runs for path in run.files.values()})[:3])
    return PredictedGroup(
        group.name,
        group.variant,
        "imported",
        origin,
        network=f"{runs[0].test.n_exits} exits, imported",
        note=f"Predictions of networks trained elsewhere: {in_markdown(origin)}.",
        dataset=group.dataset,
        dataset_key=short_hash({"kind": group.dataset}) if group.dataset else "",
        params={"import": group.command, "import.source": group.source},
    )


def _provenance(group: ImportedGroup, run: RunToImport) -> dict[str, object]:
    """Return who computed what: the predictions whoever made the files, all else this version of overthink."""
    from overthink import __version__

    return {
        "source": group.source or "not given",
        "files": {
            split: f"{utf_8(run.files[split].name)}, SHA-256 {imported.sha256}"
            for split, imported in run.splits.items()
        },
        "predictions": "computed by others, taken from these files",
        "metrics": f"computed from the predictions by overthink {__version__}",
        "not known": ", ".join(run.test.absent) or "nothing",
        "not read": "; ".join(text for one in run.splits.values() for text in one.not_read) or "nothing",
    }
