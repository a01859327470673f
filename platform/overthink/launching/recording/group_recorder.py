"""Recording a group: its runs aggregated over seeds."""

from collections.abc import Mapping, Sequence
from itertools import count, takewhile

from overthink.comparison.arms import asked_for, primary_arm, runs_of_group, runs_of_primary_arm
from overthink.definition.run_definition import RunDefinition
from overthink.launching.planned_run import PlannedRun
from overthink.launching.recording.facts import group_tags, network_tags, parameters, place_of
from overthink.launching.recording.run_recorder import SPLITS
from overthink.report.group_predictions import group_predictions
from overthink.report.notes import group_note, with_links_of
from overthink.report.policy_group import group_results
from overthink.report.run_colours import group_colour
from overthink.report.run_page import group_page
from overthink.report.run_results import Results
from overthink.statistics.estimate import estimate
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.finding import find_runs
from overthink.store.group_spec import GroupSpec
from overthink.store.reader import run_of
from overthink.store.stored import StoredRun, finished_per_key, newest_per_key
from overthink.store.unreadable import UnreadableRunError
from overthink.store.writer import Writer


def group_spec(members: Sequence[PlannedRun], views: Mapping[str, str]) -> GroupSpec:
    """Return where the runs of a group belong in a store; `views` are the saved views of its experiment.

    Its seeds are those of all members, which several stored runs asked for together have between them.
    """
    first = members[0]
    seeds = dict.fromkeys(seeds.label for member in members for seeds in member.group.seeds)
    return GroupSpec(
        experiment=first.experiment.experiment.name,
        note=first.experiment.experiment.description,
        views=views,
        group=first.group_name,
        seeds=tuple(seeds),
        tags=group_tags(first.experiment, first.group),
        params=parameters(first.group.definition, first.group.variant),
        colour=group_colour(place_of(first.experiment, first.group)),
    )


def close_group(
    store: Store, writer: Writer, group_id: str, run: RunDefinition | None, outcome: str | None = None
) -> None:
    """Aggregate a group's finished runs over seeds and end the group; `run` is the definition of one of them.

    None for imported runs, which have none.

    Without an `outcome` the group ends as its runs have (`outcome_of_group`). Raises UnreadableRunError, at last, where
    predictions of a run cannot be read: the group is then one of the others.
    """
    group = run_of(store, group_id)
    stored = find_runs(store, kind=tags.KIND_RUN, group_key=group.group_key)
    # A mean over the arms of a study would be one of nothing in particular.
    arm, primary = primary_arm(group), runs_of_primary_arm(group, stored)
    runs = finished_per_key(primary)
    problems: list[str] = []
    if runs:
        step = max(writer.logged_steps(group_id, "seeds/n"), default=0) + 1
        name = f"{group.name} / {arm}" if arm else group.name
        if run is None or run.policy is None:
            read = group_predictions(store, runs)
            problems = read.problems
            if not read.values:
                raise UnreadableRunError(problems[0])
            found = Results({}, group_page(name, [test for (test,) in read.values]), group_note(runs, arm=arm))
        else:
            found = group_results(store, name, runs, run)
        of_group = {tags.MLFLOW_NOTE: with_links_of(group.note, found.note), **_network_tags(runs[0])}
        writer.log(group_id, aggregates(runs) | found.metrics, step, run_tags=of_group)
        writer.text(group_id, tags.FIGURES_PAGE, found.page)
    if problems:  # the others are aggregated, but the group is not finished before all are
        raise UnreadableRunError(problems[0])
    # When its last run has: that of a launch's other groups may take hours more.
    ended_ms = max([group.started_ms, *(run.ended_ms or 0 for run in stored)])
    writer.close(group_id, outcome or outcome_of_group(group, stored), ended_ms=ended_ms)
    if _ended(find_runs(store, kind=tags.KIND_RUN, group_key=group.group_key)) != _ended(stored):
        # Another process has ended a run meanwhile, and may have aggregated the group before this one did.
        close_group(store, writer, group_id, run, outcome)


def _ended(stored: Sequence[StoredRun]) -> dict[str, str]:
    return {run.run_id: run.outcome for run in stored if run.outcome != tags.RUNNING}


def outcome_of_group(group: StoredRun, stored: Sequence[StoredRun]) -> str:
    """Return what a group ends as: finished where all the runs that it asks for are.

    Else failed where one failed or diverged, pruned where all others were pruned, and interrupted where one is missing.
    """
    members = newest_per_key(runs_of_group(group, stored)).values()
    standing = {seeds: run.outcome for run in members for seeds in run.seeds}
    unfinished = {standing.get(seeds, tags.INTERRUPTED) for seeds in asked_for(group)} - {tags.FINISHED}
    if not unfinished:
        return tags.FINISHED
    if unfinished & {tags.FAILED, tags.DIVERGED}:
        return tags.FAILED
    return tags.PRUNED if unfinished == {tags.PRUNED} else tags.INTERRUPTED


def _network_tags(run: StoredRun) -> dict[str, str]:
    def of_exits(name: str) -> list[float]:
        names = (f"network/{name}/exit_{number}" for number in count(1))
        return [run.metrics[one] for one in takewhile(run.metrics.__contains__, names)]

    return network_tags(of_exits("mul_adds"), of_exits("parameters"))


def aggregates(runs: Sequence[StoredRun]) -> dict[str, float]:
    """Return the mean over seeds under each metric's own name, its deviation under `seeds_std/`, and `seeds/n`."""
    names = [name for name in runs[0].metrics if name.split("/")[0] in SPLITS]
    estimates = {
        name: estimate([run.metrics[name] for run in runs])
        for name in names
        if all(name in run.metrics for run in runs)
    }
    deviations = {f"seeds_std/{name}": value.std for name, value in estimates.items() if value.std is not None}
    numbers = {"seeds/n": len(runs), **{name: value.mean for name, value in estimates.items()}, **deviations}
    return {name: round(value, 6) for name, value in numbers.items()}  # the UI shows every digit there is
