"""Making runs and groups in a store from predictions alone: idempotent by what these hold."""

import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from overthink.launching.predicted_plan import (
    PlannedPredictions,
    PredictedGroup,
    PredictedRun,
    group_key,
    planned_predictions,
)
from overthink.launching.recording.facts import network_tags
from overthink.launching.recording.group_recorder import close_group
from overthink.launching.sync import deliver, mark_abandoned_as_interrupted
from overthink.metrics.catalogue import compute
from overthink.outbox.handles import pages_of, without_handles
from overthink.outbox.run_logger import RunStart
from overthink.outbox.sender import OutboxSender
from overthink.predictions.predictions import Predictions
from overthink.report.notes import run_note
from overthink.report.run_page import run_page
from overthink.report.ui_views import views
from overthink.seeds import Seeds
from overthink.store import tags
from overthink.store.claims import Claims
from overthink.store.client import Store
from overthink.store.errors import StoreError
from overthink.store.finding import find_runs
from overthink.store.group import ensure_group
from overthink.store.group_spec import GroupSpec
from overthink.store.liveness import NO_PROCESS
from overthink.store.stored import newest_per_key
from overthink.store.writer import Writer

FINAL_METRIC = "test/accuracy/last"
"""In the one batch of metrics that such a run gets."""


class RunInStore(NamedTuple):
    """A run that is in the store now."""

    name: str
    run_key: str
    run_id: str
    experiment_id: str
    new: bool
    """False where the same predictions were there already."""


def store_predictions(
    store: Store, group: PredictedGroup, runs: Sequence[PredictedRun], on_message: Callable[[str], None]
) -> list[RunInStore]:
    """Put runs into the store, and aggregate their group; what is there already is left as it is.

    Raises ValueError, before anything is made, where runs do not belong to one group, or other predictions are stored
    for the same seeds; StoreError where the store stays unreachable, and then `overthink sync` uploads the rest.
    """
    writer = Writer(store)
    for sentence in deliver(store, writer).sentences():
        on_message(sentence)
    mark_abandoned_as_interrupted(store, writer)
    key = group_key(group, runs[0].test)
    spec = _group_spec(group, key, runs)
    claims = Claims(store)
    try:
        planned = _claimed(store, claims, spec, lambda: planned_predictions(store, group, runs, key))
        to_do = [one for one in planned if one.to_do]
        if to_do:
            _record_all(OutboxSender(store, writer, on_message, claims.heartbeat), group, spec, to_do)
        _close_group(store, writer, spec, bool(to_do))
    finally:
        with suppress(StoreError):  # they count no longer once this process has ended
            claims.close()
    there = newest_per_key(find_runs(store, kind=tags.KIND_RUN, group_key=key))
    made = {one.key for one in to_do}
    return [
        RunInStore(one.name, one.key, there[one.key].run_id, there[one.key].experiment_id, one.key in made)
        for one in planned
    ]


def _claimed(
    store: Store, claims: Claims, spec: GroupSpec, plan: Callable[[], list[PlannedPredictions]]
) -> list[PlannedPredictions]:
    """Return the plan once no other process can store the same runs; raises StoreError where one does."""
    keys = [one.key for one in plan() if one.to_do]
    if keys and {*keys} - claims.claim(store.experiment(spec.experiment, spec.note), keys):
        raise StoreError(f"store {store.shown}: another process stores these runs at this moment; try again after it")
    return plan()  # again: another process may have stored one meanwhile


def _record_all(
    outbox: OutboxSender, group: PredictedGroup, spec: GroupSpec, planned: Iterable[PlannedPredictions]
) -> None:
    try:
        for one in planned:
            _record(outbox, group, spec, one)
        if (left := outbox.wait()) is not None:
            raise StoreError(str(left))
        outbox.release_group(spec)
    finally:
        outbox.stop()  # what is queued stays on disk, for `overthink sync`


def _record(outbox: OutboxSender, group: PredictedGroup, spec: GroupSpec, planned: PlannedPredictions) -> None:
    """Log one run: predictions, metrics, a page, and where all of it is from."""
    run, test = planned.run, planned.run.test
    own_tags = {
        tags.KIND: tags.KIND_RUN,
        tags.RUN_KEY: planned.key,
        tags.SEEDS: run.seeds.label,
        tags.SPLITS: " ".join(run.splits),
        **network_tags([] if test.mul_adds_E is None else test.mul_adds_E.tolist(), []),
        **run.tags,
        **spec.tags,
    }
    params = {**spec.params, "seed": run.seeds.label, **_seed_params(run.seeds)}
    known = planned.stored
    logger = outbox.begin(
        RunStart(
            spec,
            planned.key,
            planned.name,
            own_tags,
            params,
            None if known is None else known.run_id,
            NO_PROCESS if known is None else known.process,
        )
    )
    metrics = _metrics(run)
    with TemporaryDirectory() as folder:
        files = [Path(folder) / f"{split}.parquet" for split in run.splits]
        for file, predictions in zip(files, run.splits.values(), strict=True):
            predictions.write(file)
        logger.artifacts(files, "predictions")
    logger.text(tags.PROVENANCE_FILE, {"attempts": [{group.made: dict(run.provenance)}]})
    logger.text(tags.FIGURES_PAGE, run_page(planned.name, test, []))
    logger.log(metrics, unless_there=None if known is None else FINAL_METRIC)
    costs = [None] * test.n_exits if test.cost_E is None else test.cost_E.tolist()
    note = f"{without_handles(spec.note)}\n\n{run_note(metrics, costs, test.cost_unit)}"
    logger.log(run_tags={tags.MLFLOW_NOTE: f"{note}\n\n{pages_of(logger.handle)}"})
    logger.close(tags.FINISHED)


def _metrics(run: PredictedRun) -> dict[str, float]:
    validation = run.splits.get("val")
    found = {"test": compute(run.test, validation)}
    if validation is not None:
        found["val"] = compute(validation)
    return {f"{split}/{name}": value for split, values in found.items() for name, value in values.items()}


def _group_spec(group: PredictedGroup, key: str, runs: Sequence[PredictedRun]) -> GroupSpec:
    summary = {name: value for name, value in (("dataset", group.dataset), ("network", group.network)) if value}
    params = {**group.params, "costs": _costs_text(runs[0].test)}
    return GroupSpec(
        experiment=group.name,
        note=group.note,
        views=views(),
        group=group.label,
        seeds=tuple(run.seeds.label for run in runs),
        tags={
            tags.GROUP_KEY: key,
            tags.DEFINITION: group.name,
            tags.VARIANT: group.variant,
            tags.CHANGES: "",
            tags.CHANGES_JSON: json.dumps({}),
            tags.REPORTED: json.dumps([]),
            tags.IMPORTED: group.origin,
            **{tags.named(name): value for name, value in summary.items()},
            **({tags.part_key("dataset"): group.dataset_key} if group.dataset_key else {}),
        },
        params={"variant": group.variant, **summary, **{name: value for name, value in params.items() if value}},
    )


def _costs_text(test: Predictions) -> str:
    return "" if test.cost_E is None else f"{', '.join(map(str, test.cost_E.tolist()))} ({test.cost_unit})"


def _seed_params(seeds: Seeds) -> dict[str, str]:
    return {f"seeds.{name}": str(value) for name, value in seeds.model_dump().items()}


def _close_group(store: Store, writer: Writer, spec: GroupSpec, work: bool) -> None:
    found = ensure_group(store, writer, spec, work)
    if found.changed:
        close_group(store, writer, found.group_id, None)
