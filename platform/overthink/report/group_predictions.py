"""Predictions of the runs of a group: without what cannot be read, and without those of another network.

Runs of one group differ in their seeds alone, so all have the same exits at the same cost. A run that has others holds
a file that is not its own; it is named, and left out.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence

from overthink.predictions.predictions import Predictions
from overthink.sentences import cut
from overthink.store.readable import Readable, of_each
from overthink.store.readable_store import ReadableStore
from overthink.store.stored import StoredRun
from overthink.store.unreadable import UnreadableRunError

LONGEST_FORM = 60


def group_predictions(
    store: ReadableStore, runs: Iterable[StoredRun], splits: Sequence[str] = ("test",), same_samples: bool = False
) -> Readable[tuple[Predictions, ...]]:
    """Return the predictions of each run for some splits, of those runs that are of one network.

    With `same_samples` also of those alone that were asked about the same samples: where runs differ, of most.
    """
    found = of_each(runs, lambda run: _of_run(store, run, splits))
    forms: list[Hashable] = [_form(of_splits, same_samples) for of_splits in found.values]
    if len({*forms}) < 2:
        return found
    ((usual, _),) = Counter(forms).most_common(1)
    kept: Readable[tuple[Predictions, ...]] = Readable([], [], found.problems)
    example = found.values[forms.index(usual)][0]
    for run, of_splits, form in zip(found.runs, found.values, forms, strict=True):
        if form == usual:
            kept.runs.append(run)
            kept.values.append(of_splits)
        else:
            kept.problems.append(_other_form(run, of_splits[0], example))
    return kept


def _of_run(store: ReadableStore, run: StoredRun, splits: Sequence[str]) -> tuple[Predictions, ...]:
    found = tuple(store.predictions(run.run_id, split) for split in splits)
    if len({_network(one) for one in found}) > 1:
        raise UnreadableRunError(f"run {run.run_id[:8]}: its predictions of {' and '.join(splits)} are of two networks")
    blocks = run.params.get("network.blocks", "")
    if blocks.isdecimal() and blocks != str(found[0].n_exits):
        raise UnreadableRunError(
            f"run {run.run_id[:8]}: its predictions are of {found[0].n_exits} exits, its definition is of {blocks[:9]}"
        )
    return found


def _form(of_splits: Sequence[Predictions], same_samples: bool) -> Hashable:
    samples = tuple(map(_samples, of_splits)) if same_samples else ()
    return _network(of_splits[0]), samples


def _network(one: Predictions) -> Hashable:
    return one.exits, one.level_names


def _samples(one: Predictions) -> Hashable:
    return one.ids_N.tobytes(), None if one.labels_N is None else one.labels_N.tobytes()


def _other_form(run: StoredRun, one: Predictions, usual: Predictions) -> str:
    if _network(one) == _network(usual):
        return f"run {run.run_id[:8]}: it was asked about other samples than the other runs of {run.group_label}"
    of_one, of_others = (_exits_in_words(two) for two in (one, usual))
    return (
        f"run {run.run_id[:8]}: its predictions are of another network than those of the other runs of its group: "
        f"exits at {of_one}, not {of_others}, or other levels"
    )


def _exits_in_words(one: Predictions) -> str:
    number, costs, unit = one.exits
    return f"unknown costs ({number} of them)" if costs is None else f"{cut(str([*costs]), LONGEST_FORM)} {unit}"
