"""Recording a group: what its seeds say together."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from overthink.comparison.arms import speaking_for
from overthink.comparison.estimate import estimate
from overthink.plan import PlannedRun
from overthink.predictions import Predictions
from overthink.recording.facts import group_tags, parameters
from overthink.recording.results import stored_evidence
from overthink.recording.run_recorder import SPLITS
from overthink.report.notes import group_note
from overthink.report.policy_page import policy_page
from overthink.report.run_page import group_page
from overthink.report.tables import POLICY_TITLES, TITLES
from overthink.seeds import joined, split_labels
from overthink.tracking import tags
from overthink.tracking.reader import find_runs, run_of
from overthink.tracking.store import Store
from overthink.tracking.stored import StoredRun, newest_per_key
from overthink.tracking.writer import Writer

UNSETTLED = (tags.RUNNING, tags.INTERRUPTED)
"""Outcomes of a group that its runs have outlived."""


@dataclass
class GroupRecorder:
    """Writes the parent run of a group."""

    store: Store
    writer: Writer
    planned: PlannedRun
    """One of its runs."""
    experiment_id: str
    run_id: str
    changed: bool
    """Whether there is anything new to aggregate."""
    closing: bool = False
    """From here on an interruption leaves the rest to the next call, which finds the group unsettled."""

    @classmethod
    def open(cls, store: Store, writer: Writer, planned: Sequence[PlannedRun], experiment_id: str) -> "GroupRecorder":
        """Create the group in the store, or take up the one that is there, with the seeds that are now asked for."""
        first, asked = planned[0], [seeds.label for seeds in planned[0].group.seeds]
        group = _oldest(store, first) or _created(store, writer, first, asked, experiment_id)
        seeds = joined([*split_labels(group.tags.get(tags.SEEDS, "")), *asked])
        work = any(run.lock is not None for run in planned)
        changed = work or seeds != group.tags.get(tags.SEEDS) or group.outcome in UNSETTLED
        if changed:
            writer.revive(group.run_id)
            writer.log(group.run_id, run_tags={tags.SEEDS: seeds, **group_tags(first.experiment, first.group)})
        return cls(store, writer, first, experiment_id, group.run_id, changed)

    def close(self, outcome: str = tags.FINISHED) -> None:
        """Aggregate the group's finished runs over seeds and end the group."""
        if not self.changed:
            return
        self.closing = True
        stored = find_runs(self.store, kind=tags.KIND_RUN, group_key=self.planned.group.definition.key)
        # A mean over the arms of a study would be one of nothing in particular.
        speaking = speaking_for(run_of(self.store, self.run_id), stored)
        runs = [run for run in newest_per_key(speaking).values() if run.outcome == tags.FINISHED]
        if runs:
            step = max(self.writer.logged_steps(self.run_id, "seeds/n"), default=0) + 1
            self.writer.log(self.run_id, aggregates(runs), step)
            policies = self.planned.run.policy is not None
            note = group_note(runs, POLICY_TITLES if policies else TITLES)
            self.writer.log(self.run_id, run_tags={"mlflow.note.content": note})
            page = self._policy_page(runs) if policies else self._page(runs)
            self.writer.text(self.run_id, "figures.html", page)
        self.writer.close(self.run_id, outcome)

    def _page(self, runs: Sequence[StoredRun]) -> str:
        with TemporaryDirectory() as folder:
            files = [self.store.artifact(run.run_id, "predictions/test.parquet", Path(folder)) for run in runs]
            return group_page(self.planned.group_name, [Predictions.read(file) for file in files])

    def _policy_page(self, runs: Sequence[StoredRun]) -> str:
        evidence = [stored_evidence(self.store, run, self.planned.run) for run in runs]
        return policy_page(f"{self.planned.group_name} (n = {len(runs)})", evidence)


def _created(store: Store, writer: Writer, planned: PlannedRun, asked: Sequence[str], experiment_id: str) -> StoredRun:
    group_run_tags = {
        tags.KIND: tags.KIND_GROUP,
        tags.SEEDS: joined(asked),
        **group_tags(planned.experiment, planned.group),
    }
    params = parameters(planned.group.definition, planned.group.variant)
    run_id = writer.create(experiment_id, planned.group_name, group_run_tags, params)
    oldest = _oldest(store, planned)
    assert oldest is not None
    if oldest.run_id != run_id:  # another call made one at the same moment: the older one counts for both
        writer.delete(run_id)
    return oldest


def _oldest(store: Store, planned: PlannedRun) -> StoredRun | None:
    wanted = {
        "kind": tags.KIND_GROUP,
        "group_key": planned.group.definition.key,
        "definition": planned.experiment.experiment.name,
    }
    return min(find_runs(store, **wanted), key=lambda run: (run.started_ms, run.run_id), default=None)


def aggregates(runs: Sequence[StoredRun]) -> dict[str, float]:
    """Return the mean over seeds under each metric's own name, its deviation under `seeds_std/`, and `seeds/n`."""
    names = [name for name in runs[0].metrics if name.split("/")[0] in (*SPLITS, "network")]
    estimates = {
        name: estimate([run.metrics[name] for run in runs])
        for name in names
        if all(name in run.metrics for run in runs)
    }
    deviations = {f"seeds_std/{name}": value.std for name, value in estimates.items() if value.std is not None}
    numbers = {"seeds/n": len(runs), **{name: value.mean for name, value in estimates.items()}, **deviations}
    return {name: round(value, 6) for name, value in numbers.items()}  # the UI shows every digit there is
