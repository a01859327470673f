"""What a finished run's folder comes to: metrics, a page, and words; of a multi-exit or of a policy network."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from overthink.definition.run_definition import RunDefinition
from overthink.metrics.catalogue import compute
from overthink.policy.catalogue import compute_answers, compute_evidence
from overthink.policy.evidence import Answers, Evidence
from overthink.predictions.predictions import Predictions
from overthink.report.notes import policy_note, run_note
from overthink.report.policy_page import policy_page
from overthink.report.run_page import run_page
from overthink.running.run_data import EVERYTHING, MAIN
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.stored import StoredRun


class Results(NamedTuple):
    """All that is stored about a finished run beside its files."""

    metrics: dict[str, float]
    page: str
    note: str


def results_of(
    run: RunDefinition,
    name: str,
    folder: Path,
    history: Sequence[Mapping[str, Any]],
    network: Mapping[str, float],
) -> Results:
    """Return the results of the run whose predictions lie in a folder; `network` has its network's metrics.

    Raises ValueError naming a file that cannot be read.
    """
    if run.policy is not None:
        return _of_policy(run, name, folder, history, network)
    validation, test = (Predictions.read(folder / f"{split}.parquet") for split in ("val", "test"))
    metrics = _split("val", compute(validation)) | _split("test", compute(test, validation)) | dict(network)
    costs = [network[f"network/mul_adds/exit_{number}"] for number in range(1, test.n_exits + 1)]
    return Results(metrics, run_page(name, test, history), run_note(metrics, costs))


def _of_policy(
    run: RunDefinition, name: str, folder: Path, history: Sequence[Mapping[str, Any]], network: Mapping[str, float]
) -> Results:
    assert run.policy is not None
    evidence = evidence_of(run, folder, folder / MAIN)
    answers = Answers.of(evidence.validation, evidence.exits)
    found = compute_evidence(evidence)
    metrics = _split("val", compute_answers(answers)) | _split("test", found) | dict(network)
    return Results(metrics, policy_page(name, [evidence], history), policy_note(found, run.policy, len(history)))


def evidence_of(run: RunDefinition, folder: Path, main: Path) -> Evidence:
    """Read the predictions of a policy network and of its main network; raises ValueError naming a file."""
    assert run.policy is not None
    own = {split: Predictions.read(folder / f"{split}.parquet") for split in ("val", "test", EVERYTHING)}
    of = {split: Predictions.read(main / f"{split}.parquet") for split in ("val", "test")}
    return Evidence(run.policy.labels, own["val"], own["test"], of["val"], of["test"], own[EVERYTHING])


def stored_evidence(store: Store, run: StoredRun, definition: RunDefinition) -> Evidence:
    """Return the evidence about a policy network's stored run; the definition may be of another seed."""
    assert definition.policy is not None
    main = run.tags[tags.MAIN_RUN]
    return Evidence(
        definition.policy.labels,
        store.predictions(run.run_id, "val"),
        store.predictions(run.run_id, "test"),
        store.predictions(main, "val"),
        store.predictions(main, "test"),
        store.predictions(run.run_id, EVERYTHING),
    )


def _split(split: str, values: Mapping[str, float]) -> dict[str, float]:
    return {f"{split}/{name}": value for name, value in values.items()}
