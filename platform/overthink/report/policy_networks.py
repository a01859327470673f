"""Policy networks of stored runs, for the table of exit policies."""

from collections.abc import Sequence

from overthink.exit_policies.policy_network import Answers, policy_network
from overthink.exit_policies.references import Reference
from overthink.running.run_files import EVERYTHING
from overthink.running.stored_run import definition_of
from overthink.store import tags
from overthink.store.all_runs import all_runs
from overthink.store.readable import of_each
from overthink.store.readable_store import ReadableStore
from overthink.store.stored import StoredRun, finished_per_key


def policy_networks(store: ReadableStore, mains: Sequence[StoredRun]) -> tuple[list[Reference], list[str]]:
    """Return a row for each group of policy networks that has one for every main network, and what cannot be read.

    Where several runs of a group choose exits of one main network, the newest counts.
    """
    if not any(run.policy_run_ids for run in mains):
        return [], []
    rows, problems = [], []
    by_group: dict[str, dict[str, StoredRun]] = {}
    known = finished_per_key(run for run in all_runs(store) if run.kind == tags.KIND_RUN and run.is_policy)
    for run in sorted(known, key=lambda run: run.started_ms):
        if run.main is not None:
            by_group.setdefault(run.group_label, {})[run.main.run_id] = run
    for label, of_main in by_group.items():
        if not all(main.run_id in of_main for main in mains):
            continue
        found = of_each([of_main[main.run_id] for main in mains], lambda run: _answers(store, run))
        problems += found.problems
        if not found.problems:
            rows.append(policy_network(label, found.values))
    return rows, problems


def _answers(store: ReadableStore, run: StoredRun) -> Answers:
    policy = definition_of(store, run.run_id).policy
    if policy is None:
        raise ValueError(f"{run.name}: it is no policy network")
    validation, test = (store.predictions(run.run_id, split) for split in ("val", EVERYTHING))
    return Answers(validation, test, policy.exits)
