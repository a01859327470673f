"""Recording a group: what its seeds say together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from overthink.comparison.arms import runs_of_primary_arm
from overthink.definition.run_definition import RunDefinition
from overthink.launching.plan import PlannedRun
from overthink.launching.recording.facts import group_tags, parameters
from overthink.launching.recording.run_recorder import SPLITS
from overthink.report.notes import group_note
from overthink.report.policy_page import policy_page
from overthink.report.run_page import group_page
from overthink.report.run_results import stored_evidence
from overthink.report.tables import POLICY_TITLES, TITLES
from overthink.statistics.estimate import estimate
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.group_spec import GroupSpec
from overthink.store.reader import find_runs, run_of
from overthink.store.stored import StoredRun, newest_per_key
from overthink.store.writer import Writer


def place_of(members: Sequence[PlannedRun], views: Mapping[str, str]) -> GroupSpec:
    """Return where the runs of a group belong in a store; `views` are the saved views of its experiment."""
    first = members[0]
    return GroupSpec(
        experiment=first.experiment.experiment.name,
        note=first.experiment.experiment.description,
        views=views,
        group=first.group_name,
        seeds=tuple(seeds.label for seeds in first.group.seeds),
        tags=group_tags(first.experiment, first.group),
        params=parameters(first.group.definition, first.group.variant),
    )


@dataclass
class GroupRecorder:
    """Aggregates the runs of a group that is in the store."""

    store: Store
    writer: Writer
    group_key: str
    name: str
    run: RunDefinition
    """One of its runs."""
    run_id: str
    changed: bool
    """Whether there is anything new to aggregate."""

    def close(self, outcome: str = tags.FINISHED) -> None:
        """Aggregate the group's finished runs over seeds and end the group."""
        if not self.changed:
            return
        stored = find_runs(self.store, kind=tags.KIND_RUN, group_key=self.group_key)
        # A mean over the arms of a study would be one of nothing in particular.
        speaking = runs_of_primary_arm(run_of(self.store, self.run_id), stored)
        runs = [run for run in newest_per_key(speaking).values() if run.outcome == tags.FINISHED]
        if runs:
            step = max(self.writer.logged_steps(self.run_id, "seeds/n"), default=0) + 1
            self.writer.log(self.run_id, aggregates(runs), step)
            policies = self.run.policy is not None
            note = group_note(runs, POLICY_TITLES if policies else TITLES)
            self.writer.log(self.run_id, run_tags={"mlflow.note.content": note})
            page = self._policy_page(runs) if policies else self._page(runs)
            self.writer.text(self.run_id, "figures.html", page)
        self.writer.close(self.run_id, outcome)

    def _page(self, runs: Sequence[StoredRun]) -> str:
        return group_page(self.name, [self.store.predictions(run.run_id, "test") for run in runs])

    def _policy_page(self, runs: Sequence[StoredRun]) -> str:
        evidence = [stored_evidence(self.store, run, self.run) for run in runs]
        return policy_page(f"{self.name} (n = {len(runs)})", evidence)


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
