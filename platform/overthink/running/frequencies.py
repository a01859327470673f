"""Frequencies of the test images of stored runs, by exit (thesis appendix A)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from overthink.inference.frequency import ByExit, Coefficients, Scan, by_exit, needed_share
from overthink.policy.early_exit_data import rows_of
from overthink.predictions.arrays import FloatArray, IntArray
from overthink.running.stored_run import dataset_of, definition_of
from overthink.store.errors import MissingArtifactError
from overthink.store.readable_store import ReadableStore
from overthink.store.stored import StoredRun
from overthink.store.unreadable import reading


@dataclass(frozen=True)
class FrequencyMeasure:
    """The share of an image's DCT coefficients that sum up to `total` of all of them; see `needed_share`."""

    scan: Scan = "rows"
    power: Literal[1, 2] = 1
    total: float = 0.98
    coefficients: Coefficients = "magnitude"

    def __str__(self) -> str:
        """Return it in words."""
        squared = "squared " if self.power == 2 else ""
        of = "sum of signed coefficients" if self.coefficients == "signed" else f"total {squared}coefficient magnitude"
        return f"{100 * self.total:g}% of the {of}, scanned by {self.scan}"

    @property
    def note(self) -> str:
        """A sentence on how the numbers relate to those of the thesis's figures A.3 to A.5."""
        if self.coefficients == "signed":
            return (
                "As in thesis figures A.3 to A.5, coefficients are summed with their signs: they cancel, so the sum "
                "usually reaches its share early, and may leave it again. Of magnitudes, usually many more are needed."
            )
        return (
            "Thesis figures A.3 to A.5 sum coefficients with their signs (--coefficients signed); those cancel, so "
            "usually far fewer of them are needed than of magnitudes."
        )


class _Shares(NamedTuple):
    """The measure of every test image of a data set."""

    ids_N: IntArray
    share_N: FloatArray


def frequencies(
    store: ReadableStore, runs: Iterable[StoredRun], measure: FrequencyMeasure, data_root: Path | None
) -> Iterator[tuple[StoredRun, ByExit | Exception]]:
    """Yield each run with the measure of the images that its exits get right, or with why it has none.

    That is a ValueError where a data set is not on this machine, another one or damaged, and where a run was imported,
    else what of the run cannot be read. Images of one data set are transformed once.
    """
    known: dict[tuple[str, ...], _Shares] = {}
    for run in runs:
        data = run.dataset.key or run.run_id, run.data
        try:
            if data not in known:
                known[data] = _shares(store, run, measure, data_root)
            shares, test = known[data], store.predictions(run.run_id, "test")
            with reading(run.run_id, "its predictions"):
                rows_N = rows_of(shares.ids_N, test.ids_N, "test data")
            yield run, by_exit(shares.share_N[rows_N], test.correct_EN)
        except (ValueError, MissingArtifactError) as error:
            yield run, error


def _shares(store: ReadableStore, run: StoredRun, measure: FrequencyMeasure, data_root: Path | None) -> _Shares:
    test = dataset_of(store, run, data_root).test
    images_NKHW = definition_of(store, run.run_id).dataset.pictures(test.images_NKHW)
    return _Shares(
        test.ids_N, needed_share(images_NKHW, measure.scan, measure.power, measure.total, measure.coefficients)
    )
