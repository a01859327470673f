"""The exit labels that stored trainings give, and their noise ceiling, without a policy network."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from overthink.policy.ceiling_metrics import compute_ceiling
from overthink.policy.exit_labels import ExitLabels, balance, labels_by_first, labels_by_score
from overthink.policy.label_spec import LabelSpec
from overthink.policy.noise_ceiling import NoiseCeiling
from overthink.predictions.common_samples import on_common_samples
from overthink.predictions.predictions import Predictions
from overthink.report.ceilings import ceiling_of, independent_trainings, predictions_of
from overthink.report.exit_label_table import label_counts
from overthink.seeds import joined
from overthink.store.readable_store import ReadableStore
from overthink.store.stored import StoredRun
from overthink.store.unreadable import reading

FIRST = "first"


class StoredLabels(NamedTuple):
    """Labels by rule: `first`, or a lambda."""

    trainings: list[Predictions]
    """Those that make the labels, on the samples that they and the run have in common."""
    by_rule: dict[str, ExitLabels]
    ceilings: dict[str, NoiseCeiling]
    n_ceiling_samples: int
    """Samples that all trainings of the network have in common; 0 where there are none."""


def stored_labels(
    store: ReadableStore,
    run: StoredRun,
    split: str,
    weights: Sequence[float],
    exits: tuple[int, ...] | None,
    averaged_over: tuple[int, ...] | None = None,
) -> StoredLabels:
    """Return the labels of a run's samples by the rule `first` and by lambdas, averaged over seeds where asked for.

    Raises ValueError for exits or seeds that do not exist, and for a lambda of 0 or less.
    """
    known = independent_trainings(store, run.group_key, [run.run_id])
    averaged = list(_with_seeds(known, averaged_over or (), run))
    read = [store.predictions(one.run_id, split) for one in (run, *averaged)]
    for one, other in zip(averaged, read[1:], strict=True):
        with reading(one.run_id, f"its predictions beside those of run {run.run_id[:8]}"):
            on_common_samples([read[0], other])
    own, *others = on_common_samples(read)
    trainings = others or [own]
    by_rule = {FIRST: labels_by_first(trainings, exits)}
    by_rule |= {_name(weight): labels_by_score(trainings, weight, exits) for weight in weights}
    specs = {FIRST: LabelSpec(rule="first", exits=exits, averaged_over=averaged_over)}
    specs |= {_name(weight): LabelSpec(weight=weight, exits=exits, averaged_over=averaged_over) for weight in weights}
    everyone = predictions_of(store, known, split)
    ceilings = {rule: ceiling_of(spec, everyone) for rule, spec in specs.items()}
    return StoredLabels(trainings, by_rule, ceilings, len(everyone[0].ids_N) if everyone else 0)


def _name(weight: float) -> str:
    return f"{weight:.12g}"


def as_plain(found: StoredLabels) -> dict[str, Any]:
    """Return labels and noise ceilings as plain data."""
    return {
        "rules": {
            rule: {
                "exits": list(labels.exits),
                "counts": label_counts(found.trainings[0], labels),
                "left_out": labels.n_left_out,
                "balance": balance(labels.count_C),
                "noise_ceiling": {
                    name.removeprefix("policy/ceiling/"): value
                    for name, value in compute_ceiling(found.ceilings[rule]).items()
                },
            }
            for rule, labels in found.by_rule.items()
        },
        "noise_ceiling_samples": found.n_ceiling_samples,
    }


def _with_seeds(known: Sequence[StoredRun], wanted: Sequence[int], run: StoredRun) -> Iterator[StoredRun]:
    for number in wanted:
        fitting = [one for one in known if one.seeds[0].init == number]
        if not fitting:
            there = joined(str(one.seeds[0].init) for one in known)
            raise ValueError(
                f"--averaged-over {number}: no finished training of {run.group_label} has this seed, but {there}"
            )
        yield fitting[0]
