"""Groups of stored runs, and what their predictions say of exit policies."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from overthink.comparison.arms import are_of_several_arms, primary_arm, runs_of_group, runs_of_primary_arm
from overthink.comparison.observations import by_training, held_fixed
from overthink.exit_policies.failure import Foresight, foresight
from overthink.exit_policies.guarantee import Promise
from overthink.exit_policies.kept_promises import Kept, kept_promises
from overthink.exit_policies.policy import ExitPolicy
from overthink.exit_policies.references import Reference
from overthink.exit_policies.side_by_side import SideBySide, side_by_side
from overthink.exit_policies.trial import Pair
from overthink.predictions.correctness import same_samples
from overthink.report.averages import held_fixed_sentence
from overthink.report.exit_policy_table import verdict
from overthink.report.group_predictions import group_predictions
from overthink.report.policy_networks import policy_networks
from overthink.store.readable_store import ReadableStore
from overthink.store.stored import StoredRun, finished_per_key
from overthink.untrusted import reason

PAIR = "val", "test"


class Choice(NamedTuple):
    """What is asked for."""

    policies: Sequence[ExitPolicy]
    references: Sequence[Reference]
    shares: Sequence[float]
    """Budgets, of the last exit's cost."""
    against: str
    promises: Sequence[Promise] = ()
    foresight: bool = False


class GroupPolicies(NamedTuple):
    """The exit policies of one group, or of one run."""

    name: str
    group_id: str
    """Empty for runs whose group was not asked for."""
    run_ids: tuple[str, ...]
    found: SideBySide | None
    """None where nothing could be computed."""
    problems: tuple[str, ...]
    promises: tuple[Kept, ...] = ()
    """Where a risk was asked for."""
    foresight: tuple[Foresight, ...] = ()
    """Where it was asked for."""
    arm: str = ""
    """Of a study: the primary arm, which has these runs."""
    fixed: tuple[str, ...] = ()
    """What all these runs share (see `held_fixed`): intervals do not cover other values of that."""

    @property
    def target(self) -> str | None:
        """The id of what has its page and metrics: the group, or the only run; None for other runs, and for nothing."""
        if self.found is None:
            return None
        return self.group_id or (self.run_ids[0] if len(self.run_ids) == 1 else None)

    @property
    def heading(self) -> str:
        """The name of the group, and of the arm."""
        return f"{self.name} / {self.arm}" if self.arm else self.name

    @property
    def sentences(self) -> list[str]:
        """Which policies differ from the baseline, and what intervals do not cover."""
        fixed = held_fixed_sentence({self.heading: self.fixed})
        return [*(verdict(self.found) if self.found else []), *([fixed] if fixed else [])]


def policies_of(store: ReadableStore, chosen: Sequence[StoredRun], choice: Choice) -> Iterator[GroupPolicies]:
    """Yield the policies of each group among stored runs, and of runs whose group is not among them."""
    arms = {run.run_id: primary_arm(run) or "" for run in chosen if run.is_group and run.arms}
    for name, group_id, runs in groups_of(chosen):
        pairs, kept, problems = readable_pairs(store, runs)
        found, kept_ones = None, []
        if pairs:
            try:
                kept_ones = [one for promise in choice.promises for one in kept_promises(pairs, promise)]
                networks, unreadable = policy_networks(store, kept) if choice.references else ([], [])
                problems += unreadable
                references = [*networks, *choice.references]
                found = side_by_side(pairs, choice.policies, references, choice.shares, choice.against)
            except ValueError as error:
                problems.append(f"{name}: {reason(error)}")
        yield GroupPolicies(
            name,
            group_id,
            tuple(run.run_id for run in kept),
            found,
            tuple(problems),
            tuple(kept_ones),
            tuple(foresight(pairs)) if choice.foresight and pairs else (),
            arms.get(group_id, ""),
            held_fixed(kept),
        )


def groups_of(chosen: Sequence[StoredRun]) -> Iterator[tuple[str, str, list[StoredRun]]]:
    """Yield name, ID and finished runs of each group; runs that are equal by construction once.

    Of a study these are the runs of its primary arm. Runs without their group are together where they differ in their
    seeds alone, and by themselves where they are of several arms of a study: these are no seeds of each other.
    """
    finished = finished_per_key(run for run in chosen if not run.is_group and not run.is_policy)
    covered: set[str] = set()
    for group in sorted((run for run in chosen if run.is_group and not run.is_policy), key=lambda run: run.started_ms):
        covered |= {run.run_id for run in runs_of_group(group, finished)}
        if runs := runs_of_primary_arm(group, finished):
            yield group.name, group.run_id, _once(runs)
    others: dict[str, list[StoredRun]] = {}
    for run in finished:
        if run.run_id not in covered:
            others.setdefault(run.group_key or run.run_id, []).append(run)
    for runs in others.values():
        for alike in [[run] for run in _once(runs)] if are_of_several_arms(runs) else [_once(runs)]:
            yield alike[0].name if len(alike) == 1 else alike[0].group_label, "", alike


def _once(runs: Sequence[StoredRun]) -> list[StoredRun]:
    return [alike[0] for alike in by_training(runs)]


def readable_pairs(store: ReadableStore, runs: Sequence[StoredRun]) -> tuple[list[Pair], list[StoredRun], list[str]]:
    """Return validation and test predictions of runs of one network and one test set, and a sentence for each other."""
    without = [run for run in runs if not run.has_validation]
    problems = [
        f"{run.name}: it has no validation predictions, on which policies are fitted; import them with --val"
        for run in without
    ]
    found = group_predictions(store, [run for run in runs if run.has_validation], PAIR)
    problems += found.problems
    pairs: list[Pair] = []
    kept: list[StoredRun] = []
    for run, (validation, test) in zip(found.runs, found.values, strict=True):
        if pairs and not same_samples(test, pairs[0].test):
            problems.append(f"{run.name}: it was tested on other samples than {kept[0].name}, and is left out")
        elif test.n_exits < 2:
            problems.append(f"{run.name}: its network has a single exit, so that no sample can leave early")
        elif test.cost_E is None:
            problems.append(f"{run.name}: the costs of its exits are not known, so that it has no budget")
        else:
            pairs.append(Pair(validation, test))
            kept.append(run)
    return pairs, kept, problems
