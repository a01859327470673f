"""Pictures for the page of a study: the samples overthought most often, and some that never are."""

from collections.abc import Sequence
from pathlib import Path

from overthink.policy.early_exit_data import rows_of
from overthink.predictions.predictions import Predictions
from overthink.report.montage import montage
from overthink.report.studies import often_and_never_overthought
from overthink.report.study_page import Pictures
from overthink.running.stored_run import dataset_of, definition_of
from overthink.store.readable_store import ReadableStore
from overthink.store.stored import StoredRun

SHOWN = 24
"""Samples in each picture."""


def study_pictures(
    store: ReadableStore, runs: Sequence[StoredRun], repeats: Sequence[Predictions], data_root: Path | None
) -> Pictures:
    """Return captions and PNG files; `repeats` are the test predictions of the runs of one arm.

    Raises DefinitionError where the data set is not on this machine, or differs from the one of the runs.
    """
    test = dataset_of(store, runs[0], data_root).test
    pictures_NKHW = definition_of(store, runs[0].run_id).dataset.pictures(test.images_NKHW)
    captions = (
        f"Overthought in most trainings (any later), of {len(runs)}",
        "Never overthought, though not every exit of every training is right",
    )
    return [
        (caption, montage(list(pictures_NKHW[rows_of(test.ids_N, ids_M, "test data")])))
        for caption, ids_M in zip(captions, often_and_never_overthought(repeats, SHOWN), strict=True)
        if len(ids_M)
    ]
