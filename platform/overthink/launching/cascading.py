"""Cascades of stored runs: which networks take part, in which order, and their runs in the store."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from pydantic import JsonValue

from overthink.launching.predicted_plan import PredictedGroup, PredictedRun, group_key
from overthink.launching.predicted_runs import RunInStore, store_predictions
from overthink.predictions.cascade import Member, cascade, dominated_by, order_of_cost
from overthink.predictions.predictions import Predictions
from overthink.seeds import Seeds, joined
from overthink.sentences import LONGEST_VALUE, cut, listed
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.finding import find_runs
from overthink.store.run_names import run_name
from overthink.store.stored import StoredRun
from overthink.untrusted import in_markdown


class Candidate(NamedTuple):
    """A network that may take part: a stored run of it for each seed, and one of its exits."""

    name: str
    runs: Mapping[Seeds, StoredRun]
    """Finished ones."""
    exit: int | None = None
    """Numbered from 1; None for the last."""

    @property
    def label(self) -> str:
        """Its name, with the exit where that is not the last."""
        return self.name if self.exit is None else f"{self.name} exit {self.exit}"


class Cascade(NamedTuple):
    """A cascade that is in the store now."""

    runs: list[RunInStore]
    members: tuple[str, ...]
    """In order of cost."""
    costs: tuple[float, ...]
    """Cumulative."""
    unit: str
    sentences: tuple[str, ...]
    """What a person should know: members and seeds that were left out, and why."""


class _Read(NamedTuple):
    """A candidate with its predictions."""

    candidate: Candidate
    of_split: dict[str, dict[Seeds, Member]]

    @property
    def a_test(self) -> Member:
        return next(iter(self.of_split["test"].values()))

    def accuracy(self, split: str) -> float:
        """Mean over the seeds."""
        return float(np.mean([member.accuracy for member in self.of_split[split].values()]))


def store_cascade(
    store: Store,
    name: str,
    variant: str,
    candidates: Sequence[Candidate],
    command: str,
    on_message: Callable[[str], None],
) -> Cascade:
    """Put a cascade of each seed that all candidates have into the store, as runs of one group.

    Members are ordered by cost. One that is not more accurate on validation data (mean over the seeds) than a cheaper
    one is left out; where not all have validation predictions, none is.

    Raises ValueError, before anything is made, where candidates do not fit together; StoreError as `store_predictions`.
    """
    seeds, sentences = _common_seeds(candidates)
    read = [_read(store, one, seeds) for one in candidates]
    splits = ("val", "test") if all("val" in one.of_split for one in read) else ("test",)
    read, left_out = _pareto(read, splits[0])
    sentences = [*sentences, *left_out]
    if len(read) == 1:
        raise ValueError(f"only one member is left, which is no cascade: {' '.join(left_out)}")
    if splits == ("test",):
        without = [one.candidate.label for one in read if "val" not in one.of_split]
        sentences.append(
            f"No member is left out for its accuracy: {listed(without)} has no validation predictions, and test data "
            "select nothing."
        )
    group = _group(name, variant, read, command)
    runs = [_run(group, read, one, splits, left_out) for one in seeds]
    test = runs[0].test
    _check_place(store, group, group_key(group, test))
    assert test.cost_E is not None
    done = store_predictions(store, group, runs, on_message)
    members = tuple(one.candidate.label for one in read)
    return Cascade(done, members, tuple(test.cost_E.tolist()), test.cost_unit, tuple(sentences))


def _common_seeds(candidates: Sequence[Candidate]) -> tuple[list[Seeds], list[str]]:
    first, *others = candidates
    common = [seeds for seeds in first.runs if all(seeds in other.runs for other in others)]
    if not common:
        having = "; ".join(f"{one.label}: {_of(one.runs)}" for one in candidates[:8])
        raise ValueError(f"no seed of which every member has a finished run ({having})")
    every = {seeds: None for one in candidates for seeds in one.runs}
    left = [seeds for seeds in every if seeds not in common]
    if not left:
        return common, []
    lacking = [one.label for one in candidates if any(seeds not in one.runs for seeds in left)]
    return common, [f"Seeds {_of(left)} are left out: {listed(lacking)} has no finished runs of all of them."]


def _of(seeds: Sequence[Seeds] | Mapping[Seeds, StoredRun]) -> str:
    return cut(joined(sorted(one.label for one in seeds)), LONGEST_VALUE)


def _read(store: Store, candidate: Candidate, seeds: Sequence[Seeds]) -> _Read:
    if any(run.is_policy for run in candidate.runs.values()):
        raise ValueError(f"{candidate.name}: it is a policy network, whose classes are exits of another one")
    has_val = all(candidate.runs[one].has_validation for one in seeds)
    found: dict[str, dict[Seeds, Member]] = {split: {} for split in (["val", "test"] if has_val else ["test"])}
    for split, members in found.items():
        for one in seeds:
            predictions = store.predictions(candidate.runs[one].run_id, split)
            members[one] = Member(candidate.label, predictions, _exit(candidate, predictions))
    costs = {member.cost for member in found["test"].values()}
    if len(costs) > 1:
        raise ValueError(f"{candidate.label}: its runs have different costs ({', '.join(map(str, sorted(costs)))})")
    return _Read(candidate, found)


def _exit(candidate: Candidate, predictions: Predictions) -> int:
    exit = candidate.exit or predictions.n_exits
    if exit > predictions.n_exits:
        raise ValueError(f"--exit {exit}: {candidate.name} has {predictions.n_exits} exits")
    return exit


def _pareto(read: Sequence[_Read], split: str) -> tuple[list[_Read], list[str]]:
    """Return candidates in order of cost without the dominated ones, and a sentence for each of these."""
    accuracies = [one.accuracy("val") for one in read] if split == "val" else None
    order = order_of_cost([one.a_test.cost for one in read], accuracies)
    ordered = [read[place] for place in order]
    if accuracies is None:
        return ordered, []
    of_ordered = [accuracies[place] for place in order]
    rivals = dominated_by(of_ordered)
    sentences = [
        f"{ordered[place].candidate.label} is left out: {ordered[rival].candidate.label} costs no more and is at least "
        f"as accurate on validation data ({100 * of_ordered[rival]:.2f}% and {100 * of_ordered[place]:.2f}%)."
        for place, rival in enumerate(rivals)
        if rival is not None
    ]
    return [one for one, rival in zip(ordered, rivals, strict=True) if rival is None], sentences


def _group(name: str, variant: str, read: Sequence[_Read], command: str) -> PredictedGroup:
    runs = [run for one in read for run in one.candidate.runs.values()]
    names = {run.dataset.label: None for run in runs if run.dataset.label}
    if len(names) > 1:
        raise ValueError(f"the members are of different data sets: {listed([*names])}")
    keys = {run.dataset.key for run in runs}
    members = " | ".join(one.candidate.label for one in read)
    return PredictedGroup(
        name,
        variant,
        "cascade",
        origin=cut(f"cascade of {members}", 400),
        network=f"cascade of {len(read)} networks",
        note=f"Separate networks run one after the other, whose costs add up: {in_markdown(members, 2000)}.",
        dataset=next(iter(names), ""),
        dataset_key=next(iter(keys)) if len(keys) == 1 else "",
        key_parts={"members": [_key_of(one) for one in read]},
        params={"import": command, "cascade": cut(members, 2000)},
    )


def _key_of(read: _Read) -> JsonValue:
    return [next(iter(read.candidate.runs.values())).group_key, read.a_test.exit]


def _check_place(store: Store, group: PredictedGroup, key: str) -> None:
    """Raise ValueError where the store has a cascade of this name and variant with other members."""
    there = [
        run
        for run in find_runs(store, kind=tags.KIND_GROUP, definition=group.name, variant=group.variant)
        if run.group_key != key
    ]
    if there:
        raise ValueError(
            f"{group.label}: the store has this group already ({there[0].run_id[:8]}), as "
            f"{cut(there[0].imported, 200) or 'something else'}, and this is another {cut(group.origin, 200)}; choose "
            "another NAME or --variant, or delete that group and its runs in MLflow first"
        )


def _run(
    group: PredictedGroup, read: Sequence[_Read], seeds: Seeds, splits: Sequence[str], left_out: Sequence[str]
) -> PredictedRun:
    found = {split: cascade([one.of_split[split][seeds] for one in read]) for split in splits}
    runs = [one.candidate.runs[seeds] for one in read]
    provenance = _provenance(read, seeds, left_out, found["test"])
    where = run_name(group.label, seeds.label)
    return PredictedRun(seeds, found, where, provenance, {tags.MEMBERS: " ".join(run.run_id for run in runs)})


def _provenance(read: Sequence[_Read], seeds: Seeds, left_out: Sequence[str], test: Predictions) -> dict[str, object]:
    """Return which runs the predictions are of, and what was chosen how."""
    from overthink import __version__

    return {
        "members": {
            f"exit {number}": f"exit {one.of_split['test'][seeds].exit} of run {one.candidate.runs[seeds].run_id} "
            f"({one.candidate.runs[seeds].name}), cost {one.of_split['test'][seeds].cost:.12g} {test.cost_unit}"
            for number, one in enumerate(read, 1)
        },
        "left out": " ".join(left_out) or "nothing",
        "predictions": "taken from the stored predictions of these runs; costs added up",
        "metrics": f"computed from the predictions by overthink {__version__}",
        "not known": ", ".join(test.absent) or "nothing",
    }
