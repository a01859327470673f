"""Results of a finished run, computed from its folder: metrics, page and description."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from overthink.definition.run_definition import RunDefinition
from overthink.metrics.catalogue import compute
from overthink.policy.catalogue import compute_answers, compute_evidence
from overthink.policy.evidence import Answers, Evidence, check_evidence
from overthink.predictions.absent import needed
from overthink.predictions.predictions import Predictions
from overthink.report.notes import policy_note, run_note
from overthink.report.policy_page import policy_page
from overthink.report.run_page import run_page
from overthink.running.run_files import EVERYTHING, LABELLED_BY, MAIN
from overthink.store.readable_store import ReadableStore
from overthink.store.stored import StoredRun
from overthink.store.unreadable import UnreadableRunError, reading
from overthink.training.epoch_record import EpochRecord

Reader = Callable[[str], Predictions]
"""Reads a split of one run."""


class Results(NamedTuple):
    """What is stored about a finished run in addition to its files."""

    metrics: dict[str, float]
    page: str
    note: str


def results_of(
    run: RunDefinition,
    name: str,
    folder: Path,
    history: Sequence[EpochRecord],
    parameters: Sequence[int],
) -> Results:
    """Return the results of a run from the predictions in a folder; its network's `parameters` are those of its exits.

    Raises ValueError naming a file that cannot be read.
    """
    if run.policy is not None:
        return _of_policy(run, name, folder, history)
    validation, test = map(_in_folder(folder), ("val", "test"))
    metrics = _split("val", compute(validation)) | _split("test", compute(test, validation))
    costs = needed(test.cost_E, "costs").tolist()
    return Results(metrics, run_page(name, test, history), run_note(metrics, costs, parameters=parameters))


def _of_policy(run: RunDefinition, name: str, folder: Path, history: Sequence[EpochRecord]) -> Results:
    assert run.policy is not None
    trainings = [_in_folder(folder / LABELLED_BY / of.key) for of in run.labelled_by]
    evidence = _evidence(run, _in_folder(folder), _in_folder(folder / MAIN), trainings)
    answers = Answers.of(evidence.validation, evidence.exits)
    found = compute_evidence(evidence)
    metrics = _split("val", compute_answers(answers)) | _split("test", found)
    return Results(metrics, policy_page(name, [evidence], history), policy_note(found, run.policy, len(history)))


def stored_evidence(store: ReadableStore, run: StoredRun, definition: RunDefinition) -> Evidence:
    """Return the evidence about a policy network's stored run; the definition may be of another seed.

    Raises UnreadableRunError where the run's files do not fit together.
    """
    if run.main is None or definition.policy is None:
        raise UnreadableRunError(f"run {run.run_id[:8]}: it does not name its main network")
    trainings = [_in_store(store, run_id) for run_id in run.labelled_by]
    found = _evidence(definition, _in_store(store, run.run_id), _in_store(store, run.main.run_id), trainings)
    with reading(run.run_id, "its predictions and those of its main network"):
        check_evidence(found)
    return found


def _evidence(definition: RunDefinition, own: Reader, main: Reader, trainings: Sequence[Reader]) -> Evidence:
    """Return the evidence; `trainings` read those that labels are averaged over."""
    assert definition.policy is not None
    return Evidence(
        definition.policy.labels,
        own("val"),
        own("test"),
        main("val"),
        main("test"),
        own(EVERYTHING),
        tuple(read("val") for read in trainings),
        tuple(read("test") for read in trainings),
    )


def _in_folder(folder: Path) -> Reader:
    return lambda split: Predictions.read(folder / f"{split}.parquet")


def _in_store(store: ReadableStore, run_id: str) -> Reader:
    return lambda split: store.predictions(run_id, split)


def _split(split: str, values: Mapping[str, float]) -> dict[str, float]:
    return {f"{split}/{name}": value for name, value in values.items()}
