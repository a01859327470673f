"""Taking exported runs back into a store, as if they had been trained here: from the files of their folders."""

import json
import shutil
from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path

from overthink.atomic_file import atomic_write
from overthink.definition.experiment import LoadedExperiment, Reported
from overthink.definition.loading import experiment_of_run
from overthink.execution.jobs import Job, Message
from overthink.launching.importing import ImportedGroup, RunToImport, import_runs
from overthink.launching.launch import brought_to_end
from overthink.launching.opened_session import opened_session
from overthink.launching.outcomes import Options, Outcomes, ProgressListener
from overthink.launching.plan import plan
from overthink.launching.predicted_runs import RunInStore
from overthink.launching.recording.run_recorder import ATTEMPTS_FILE
from overthink.predictions.columns import ColumnNames
from overthink.predictions.importing import import_file
from overthink.running.events import Event, Failed, Finished, Started
from overthink.running.exported import ExportedRun, plain_settings
from overthink.running.provenance import surroundings
from overthink.store import tags
from overthink.store.artifact_files import check_file
from overthink.store.client import Store


class FolderEngine:
    """Executes jobs by copying what another machine has trained: a run's events come from its exported files."""

    def __init__(self, exported: Sequence[ExportedRun]) -> None:
        self._exported = {one.definition.key: one for one in exported}
        self._queue: deque[Job] = deque()

    def add(self, job: Job) -> None:
        """Queue one more job."""
        self._queue.append(job)

    def stop(self, name: str) -> None:
        """Do nothing: no job takes long."""

    def execute(self, jobs: Sequence[Job]) -> Generator[Message | None, None, None]:
        """Yield the events of each job."""
        self._queue.extend(jobs)
        while self._queue:
            job = self._queue.popleft()
            try:
                for event in self._events(job):
                    yield Message(job, event)
            except (OSError, ValueError) as error:
                yield Message(job, Failed(str(error)))

    def close(self) -> None:
        """Forget the jobs."""
        self._queue.clear()

    def _events(self, job: Job) -> Generator[Event, None, None]:
        exported = self._exported.get(job.name)
        if exported is None:
            raise ValueError("it is not trained, and no exported run of it is given; import that one, too")
        found, target = exported.checked(), Path(job.order.folder)
        for name, source in exported.files.items():
            with atomic_write(target / name) as unfinished:
                shutil.copyfile(exported.folder / source, unfinished)
        with atomic_write(target / ATTEMPTS_FILE) as unfinished:
            unfinished.write_text(json.dumps({"attempts": found.attempts}), encoding="utf-8")
        taken_from = {"run_id": exported.facts.run_id, "name": exported.facts.name}
        yield Started(
            dataset=exported.definition.dataset.label,
            digest=found.checkpoint.data_digest,
            samples=found.samples,
            parameters=found.parameters,
            mul_adds=found.mul_adds,
            history=found.checkpoint.history,
            settings=plain_settings(found.attempts),
            environment={"imported": taken_from, "by": surroundings()},
        )
        yield Finished()


def restore_runs(store: Store, exported: Sequence[ExportedRun], listener: ProgressListener) -> Outcomes:
    """Record exported runs with their own keys, and aggregate their groups; what is finished in the store stays.

    Raises DefinitionError, before anything is made, where a definition is not valid or another run's.
    """
    experiments = _experiments(exported)
    store.check_places({loaded.experiment.name for loaded in experiments})
    with opened_session(store, Options(), listener, FolderEngine(exported)) as session:
        runs = plan(store, experiments, reuse=False, forks=False, claims=session.claims)
        session.add(runs)
        listener.on_plan(runs)
        return brought_to_end(session, runs)


def import_again(store: Store, exported: Sequence[ExportedRun], listener: ProgressListener) -> list[RunInStore]:
    """Bring runs into the store that were imported into the one that they were exported from."""
    groups: dict[ImportedGroup, list[RunToImport]] = {}
    for one in exported:
        facts = one.facts
        group = ImportedGroup(facts.experiment, facts.variant, facts.dataset, facts.imported)
        files = {split: one.folder / f"predictions/{split}.parquet" for split in ("test", "val", "train")}
        there = {split: file for split, file in files.items() if split == "test" or file.exists()}
        for file in there.values():
            check_file(one.folder, f"predictions/{file.name}")
        splits = {split: import_file(file, split, ColumnNames()) for split, file in there.items()}
        groups.setdefault(group, []).append(RunToImport(one.seeds, splits, there))
    return [run for group, runs in groups.items() for run in import_runs(store, group, runs, listener.on_message)]


def _experiments(exported: Sequence[ExportedRun]) -> list[LoadedExperiment]:
    """Return an experiment for each group of the runs, with the seeds that are here; main networks come first."""
    found: dict[tuple[str, str], LoadedExperiment] = {}
    for one in sorted(exported, key=lambda one: one.definition.policy is not None):
        loaded = _experiment(one)
        (group,) = loaded.groups
        place = group.definition.key, loaded.experiment.name
        if place in found:
            (before,) = found[place].groups
            group = replace(before, seeds=(*before.seeds, *group.seeds), arms={**before.arms, **group.arms})
        found[place] = replace(loaded, groups=(group,))
    return list(found.values())


def _experiment(exported: ExportedRun) -> LoadedExperiment:
    facts = exported.facts
    loaded = experiment_of_run(
        json.dumps(exported.definition.model_dump(mode="json")),
        str(exported.folder / tags.DEFINITION_FILE),
        facts.experiment,
        facts.variant,
        f"Runs of {facts.experiment} that were exported from another store.",
        facts.changes,
        facts.changes_label,
    )
    (group,) = loaded.groups
    reported = tuple(Reported(**fact.model_dump()) for fact in facts.reported)
    definition = group.definition.keeping(())  # an exported run has no snapshots
    return replace(loaded, groups=(replace(group, definition=definition, reported=reported, arms=exported.arms),))
