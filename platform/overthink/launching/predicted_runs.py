"""Making runs and groups in a store from predictions alone: idempotent by what these hold."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, NamedTuple

import numpy as np
from pydantic import JsonValue

from overthink.definition.run_definition import short_hash
from overthink.launching.recording.facts import network_tags
from overthink.launching.recording.group_recorder import close_group
from overthink.launching.sync import deliver, mark_abandoned_as_interrupted
from overthink.metrics.catalogue import compute
from overthink.outbox.run_logger import RunStart
from overthink.outbox.sender import OutboxSender
from overthink.outbox.uploader import pages_of
from overthink.predictions.importing import content_digest
from overthink.predictions.predictions import Predictions
from overthink.report.notes import run_note
from overthink.report.run_page import run_page
from overthink.report.ui_views import views
from overthink.seeds import Seeds
from overthink.store import tags
from overthink.store.claims import Claims
from overthink.store.client import Store
from overthink.store.errors import StoreError
from overthink.store.group import ensure_group
from overthink.store.group_spec import GroupSpec
from overthink.store.liveness import NO_PROCESS
from overthink.store.reader import find_runs
from overthink.store.run_names import group_name, run_name
from overthink.store.stored import StoredRun, newest_per_key
from overthink.store.writer import Writer

FINAL_METRIC = "test/accuracy/last"
"""In the one batch of metrics that such a run gets."""


@dataclass(frozen=True)
class PredictedGroup:
    """What runs have in common that differ in their seeds alone, and whose predictions are all there is."""

    name: str
    """Of the MLflow experiment."""
    variant: str
    made: Literal["imported", "cascade"]
    """How they came to be; it counts in keys."""
    origin: str
    """Where the predictions are from, in a few words."""
    network: str
    """A few words for tables."""
    note: str
    """A sentence for people, in Markdown."""
    dataset: str = ""
    dataset_key: str = ""
    """Equal keys, equal data."""
    key_parts: Mapping[str, JsonValue] = field(default_factory=dict)
    """What else counts in its key."""
    params: Mapping[str, str] = field(default_factory=dict)
    """What else to log; `import` is the command that makes the group again."""

    @property
    def label(self) -> str:
        """The group's name."""
        return group_name(self.name, self.variant)


class PredictedRun(NamedTuple):
    """The predictions of one training."""

    seeds: Seeds
    splits: Mapping[str, Predictions]
    """By split; `test` is one of them."""
    where: str
    """What messages call the predictions on test data: the name of a file, for example."""
    provenance: Mapping[str, object]
    tags: Mapping[str, str] = {}
    """More tags of this run."""

    @property
    def test(self) -> Predictions:
        """Its predictions on test data."""
        return self.splits["test"]


class RunInStore(NamedTuple):
    """A run that is in the store now."""

    name: str
    run_key: str
    run_id: str
    experiment_id: str
    new: bool
    """False where the same predictions were there already."""


class _Planned(NamedTuple):
    """A run with its place in the store."""

    name: str
    key: str
    run: PredictedRun
    stored: StoredRun | None

    @property
    def to_do(self) -> bool:
        """Whether the store does not have all of it."""
        return self.stored is None or not self.stored.is_finished


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
        planned = _claimed(store, claims, spec, lambda: _plan(store, group, runs, key))
        to_do = [one for one in planned if one.to_do]
        if to_do:
            _record_all(store, writer, group, spec, to_do, on_message)
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


def _claimed(store: Store, claims: Claims, spec: GroupSpec, plan: Callable[[], list[_Planned]]) -> list[_Planned]:
    """Return the plan once no other process can store the same runs; raises StoreError where one does."""
    keys = [one.key for one in plan() if one.to_do]
    if keys and {*keys} - claims.claim(store.experiment(spec.experiment, spec.note), keys):
        raise StoreError(f"store {store.shown}: another process stores these runs at this moment; try again after it")
    return plan()  # again: another process may have stored one meanwhile


def group_key(group: PredictedGroup, test: Predictions) -> str:
    """Return the key of a group: what its runs have in common besides their seeds."""
    exits, levels = list(test.exits), list(test.level_names)
    shared = {group.made: group.name, "variant": group.variant, "dataset": group.dataset, **group.key_parts}
    return short_hash({**shared, "exits": exits, "levels": levels})


def _plan(store: Store, group: PredictedGroup, runs: Sequence[PredictedRun], key: str) -> list[_Planned]:
    _check_alike(group, runs)
    stored = newest_per_key(find_runs(store, kind=tags.KIND_RUN, group_key=key))
    planned = []
    for run in runs:
        digests = {split: content_digest(one) for split, one in sorted(run.splits.items())}
        run_key = short_hash({"group": key, "seeds": run.seeds.label, "splits": digests})
        name = run_name(group.label, run.seeds.label)
        others = [one for one in stored.values() if one.seeds == (run.seeds,) and one.run_key != run_key]
        if finished := [one for one in others if one.is_finished]:
            raise ValueError(
                f"{name}: the store has other predictions of this seed (run {finished[0].run_id[:8]}); use "
                "another seed or --variant, or delete that run in MLflow first"
            )
        planned.append(_Planned(name, run_key, run, stored.get(run_key)))
    if finished := [one for one in stored.values() if one.is_finished]:
        _check_samples(store, runs[0], finished[0])
    return planned


def _check_alike(group: PredictedGroup, runs: Sequence[PredictedRun]) -> None:
    first = runs[0]
    for run in runs[1:]:
        where, usual = run.where, first.where
        if run.test.exits != first.test.exits or run.test.level_names != first.test.level_names:
            raise ValueError(f"{where}: its exits, costs or levels are other ones than those of {usual}")
        if not np.array_equal(run.test.ids_N, first.test.ids_N):
            raise ValueError(
                f"{where}: its sample ids are other ones than those of {usual}, in this order; runs of one group "
                "differ in their seeds alone"
            )
        if run.splits.keys() != first.splits.keys():
            raise ValueError(
                f"{where}: it comes with {', '.join(run.splits)}, but {usual} with {', '.join(first.splits)}"
            )
    labels = [run.seeds.label for run in runs]
    if len({*labels}) < len(labels):
        raise ValueError(f"{group.name}: two runs have the same seeds")


def _check_samples(store: Store, run: PredictedRun, other: StoredRun) -> None:
    there = store.predictions(other.run_id, "test")
    if not np.array_equal(there.ids_N, run.test.ids_N):
        raise ValueError(
            f"{run.where}: its sample ids are other ones than those of run {other.run_id[:8]} of the same group; use "
            "another --variant"
        )


def _record_all(
    store: Store,
    writer: Writer,
    group: PredictedGroup,
    spec: GroupSpec,
    planned: Iterable[_Planned],
    on_message: Callable[[str], None],
) -> None:
    outbox = OutboxSender(store, writer, on_message)
    try:
        for one in planned:
            _record(outbox, group, spec, one)
        if (left := outbox.wait()) is not None:
            raise StoreError(str(left))
        outbox.release_group(spec)
    finally:
        outbox.stop()  # what is queued stays on disk, for `overthink sync`


def _record(outbox: OutboxSender, group: PredictedGroup, spec: GroupSpec, planned: _Planned) -> None:
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
    note = f"{spec.note}\n\n{run_note(metrics, costs, test.cost_unit)}"
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
