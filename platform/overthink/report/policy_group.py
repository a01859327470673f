"""What a group of policy networks has beyond its runs: the noise ceiling of their labels, in metrics, page and note."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from overthink.comparison.arms import runs_of_group
from overthink.definition.run_definition import RunDefinition
from overthink.policy.verdict import ceiling_sentence, verdict
from overthink.report.analysis import Analysed
from overthink.report.ceilings import ceiling_metrics
from overthink.report.notes import group_note
from overthink.report.policy_page import policy_page
from overthink.report.run_results import Results, stored_evidence
from overthink.report.tables import POLICY_TITLES
from overthink.running.stored_run import definition_of
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.stored import StoredRun, newest_per_key
from overthink.store.writer import Writer


def group_results(store: Store, name: str, runs: Sequence[StoredRun], run: RunDefinition) -> Results:
    """Return the results of a group from its finished runs; `run` is the definition of one of them.

    Raises StoreError or ValueError where predictions of the runs or of their main networks cannot be read.
    """
    ceiling = ceiling_metrics(store, run, runs)
    sentence = ceiling_sentence(ceiling, [verdict(on_test_data(one.metrics)) for one in runs])
    note = "\n\n".join(filter(None, (group_note(runs, POLICY_TITLES), sentence)))
    evidence = [stored_evidence(store, one, run) for one in runs]
    page = policy_page(f"{name} (n = {len(runs)})", evidence, ceiling=ceiling)
    return Results({f"test/{metric}": value for metric, value in ceiling.items()}, page, note)


def with_ceiling(store: Store, group: StoredRun, runs: Sequence[StoredRun]) -> StoredRun:
    """Return a group with the noise ceiling that the store's trainings give now among its metrics."""
    finished = [run for run in newest_per_key(runs_of_group(group, runs)).values() if run.is_finished]
    if not finished:
        return group
    ceiling = ceiling_metrics(store, definition_of(store, finished[0].run_id), finished)
    return replace(group, metrics={**group.metrics, **{f"test/{metric}": value for metric, value in ceiling.items()}})


def analyse_policies(store: Store, runs: Sequence[StoredRun], groups: Sequence[StoredRun]) -> Iterator[Analysed]:
    """Store the noise ceiling of groups where it has changed, as with new trainings of main networks; yield each.

    All else was stored when the `runs` ended. Raises StoreError, or ValueError naming a file.
    """
    writer = Writer(store)
    for group in groups:
        new = with_ceiling(store, group, runs).metrics != group.metrics
        if new:
            shown = runs_of_group(group, runs)
            found = group_results(store, group.name, shown, definition_of(store, shown[0].run_id))
            step = max(writer.logged_steps(group.run_id, "seeds/n"), default=0)
            writer.log(group.run_id, found.metrics, step, run_tags={tags.MLFLOW_NOTE: found.note})
            writer.text(group.run_id, tags.GROUP_PAGE, found.page)
        yield Analysed(group, new)


def on_test_data(metrics: Mapping[str, float]) -> dict[str, float]:
    """Return the metrics on test data, without the split in their names."""
    return {name.removeprefix("test/"): value for name, value in metrics.items() if name.startswith("test/")}
