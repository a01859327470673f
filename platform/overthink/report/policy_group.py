"""What a group of policy networks has beyond its runs: the noise ceiling of their labels, in metrics, page and note."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from overthink.comparison.arms import runs_of_group
from overthink.definition.run_definition import RunDefinition
from overthink.policy.verdict import ceiling_sentence, verdict
from overthink.report.analysis import Analysed
from overthink.report.ceilings import ceiling_metrics
from overthink.report.notes import group_note, with_links_of
from overthink.report.policy_page import policy_page
from overthink.report.run_results import Results, stored_evidence
from overthink.report.tables import POLICY_TITLES
from overthink.running.stored_run import definition_of
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.readable import OF_ONE_RUN, of_each
from overthink.store.stored import StoredRun, finished_per_key
from overthink.store.unreadable import UnreadableRunError
from overthink.store.writer import Writer
from overthink.untrusted import reason


def group_results(store: Store, name: str, runs: Sequence[StoredRun], run: RunDefinition) -> Results:
    """Return the results of a group from its finished runs; `run` is the definition of one of them.

    Runs whose predictions, or whose main networks', cannot be read are not on the page; raises UnreadableRunError where
    there is no other.
    """
    ceiling = ceiling_metrics(store, run, runs)
    sentence = ceiling_sentence(ceiling, [verdict(on_test_data(one.metrics)) for one in runs])
    note = "\n\n".join(filter(None, (group_note(runs, POLICY_TITLES), sentence)))
    read = of_each(runs, lambda one: stored_evidence(store, one, run))
    if not read.values:
        raise UnreadableRunError(read.problems[0])
    page = policy_page(f"{name} (n = {len(read.values)})", read.values, ceiling=ceiling)
    return Results({f"test/{metric}": value for metric, value in ceiling.items()}, page, note)


def with_ceiling(store: Store, group: StoredRun, runs: Sequence[StoredRun]) -> StoredRun:
    """Return a group with the noise ceiling that the store's trainings give now among its metrics."""
    finished = finished_per_key(runs_of_group(group, runs))
    definition = policy_definition(store, finished)
    if definition is None:
        return group
    ceiling = ceiling_metrics(store, definition, finished)
    return replace(group, metrics={**group.metrics, **{f"test/{metric}": value for metric, value in ceiling.items()}})


def analyse_policies(store: Store, runs: Sequence[StoredRun], groups: Sequence[StoredRun]) -> Iterator[Analysed]:
    """Store the noise ceiling of groups where it has changed, as with new trainings of main networks; yield each.

    All else was stored when the `runs` ended. Raises StoreError where the store does not answer.
    """
    writer = Writer(store)
    for group in groups:
        shown = runs_of_group(group, runs)
        new, definition = False, policy_definition(store, shown)
        problems: tuple[str, ...] = ()
        try:
            new = definition is not None and with_ceiling(store, group, runs).metrics != group.metrics
            if new and definition is not None:
                found = group_results(store, group.name, shown, definition)
                step = max(writer.logged_steps(group.run_id, "seeds/n"), default=0)
                note = with_links_of(group.note, found.note)
                writer.log(group.run_id, found.metrics, step, run_tags={tags.MLFLOW_NOTE: note})
                writer.text(group.run_id, tags.FIGURES_PAGE, found.page)
        except ValueError as error:
            new, problems = False, (f"{group.name}: {reason(error)}",)
        yield Analysed(group, new, problems)


def policy_definition(store: Store, runs: Sequence[StoredRun]) -> RunDefinition | None:
    """Return the definition of the first of some policy networks' runs of which it can be read."""
    for run in runs:
        with suppress(*OF_ONE_RUN):
            if (definition := definition_of(store, run.run_id)).policy is not None:
                return definition
    return None


def on_test_data(metrics: Mapping[str, float]) -> dict[str, float]:
    """Return the metrics on test data, without the split in their names."""
    return {name.removeprefix("test/"): value for name, value in metrics.items() if name.startswith("test/")}
