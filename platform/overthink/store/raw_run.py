"""Where a store's tags become a typed run: the only place that reads them. Tags are not trusted: anybody can edit them.

A tag that cannot be read counts as absent, and is named in the run's problems (see `run_values`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from pydantic import JsonValue

from overthink.seeds import Seeds, seeds_of_labels
from overthink.store import tags
from overthink.store.changes import changes_from_text
from overthink.store.liveness import RunProcess
from overthink.store.run_values import LARGEST_METRIC, RunValues
from overthink.store.stored import ASKED, Kind, Labels, Objective, PaperNumber, Part, RunLink, Score, StoredRun
from overthink.untrusted import name_of

OF_TRAINING = ("training data", "permuted")
"""Words in the labels of earlier versions that concern training and validation data alone."""
STATUSES = (ASKED, "RUNNING", "FINISHED", "FAILED", "KILLED")
OUTCOMES = (tags.FINISHED, tags.DIVERGED, tags.FAILED, tags.PRUNED, tags.INTERRUPTED, tags.RUNNING)


@dataclass(frozen=True)
class RawRun:
    """A run with its tags as the store has them; plain JSON, for a cache to hold."""

    run_id: str
    experiment_id: str
    name: str
    status: str
    started_ms: int
    ended_ms: int | None
    tags: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    data: str = ""

    @property
    def kind(self) -> Kind:
        """Run, group, or none of ours."""
        found = self.tags.get(tags.KIND, "")
        return next((kind for kind in get_args(Kind) if kind == found), "")

    @property
    def group_key(self) -> str:
        """Key of its group, or nothing."""
        return self.tags.get(tags.GROUP_KEY, "")

    def parsed(self) -> StoredRun:
        """Return the run with its tags parsed; what cannot be read counts as absent, and is among its problems."""
        values = RunValues(self.tags)
        seeds, arms = seeds_of_labels(values.paragraphs(tags.SEEDS)), values.json(tags.ARMS, _arms)
        if self.kind == tags.KIND_GROUP and arms is None and self.tags.get(tags.ARMS):
            seeds = ()  # a study's seeds without its arms would be read as repeats of one experiment
        fields: dict[str, Any] = {
            **{name: values.text(tag) for name, tag in _TEXTS.items()},
            "name": values.name("name", self.name),
            "status": self.status if self.status in STATUSES else "",
            "started_ms": values.moment("start time", self.started_ms),
            "ended_ms": None if self.ended_ms is None else values.moment("end time", self.ended_ms),
            "changes": _changes(values),
            "seeds": seeds if self.kind == tags.KIND_GROUP else seeds[:1],
            "arms": arms or {},
            "labels": _labels(values),
            "reported": values.json(tags.REPORTED, _reported) or {},
            "labelled_by": values.words(tags.LABELLED_BY),
            "policy_run_ids": values.words(tags.POLICY_RUNS),
            "note": values.paragraphs(tags.MLFLOW_NOTE),
            "metrics": _network(values) | values.metrics(self.metrics),
            "params": values.params(self.params),
        }
        outcome, imported, splits = values.text(tags.OUTCOME), values.text(tags.IMPORTED), values.words(tags.SPLITS)
        return StoredRun(
            run_id=self.run_id,
            experiment_id=self.experiment_id,
            kind=self.kind,
            dataset=_part(values, "dataset"),
            network=_part(values, "network"),
            regime=_part(values, "regime"),
            parent=_link(values, tags.PARENT_RUN, tags.PARENT_KEY),
            snapshots=tuple(filter(None, map(_number, values.words(tags.SNAPSHOTS)))),
            main=_link(values, tags.MAIN_RUN, tags.MAIN_KEY),
            trial=_number(values.text(tags.TRIAL)),
            score=values.json(tags.SCORE, _score),
            kernels="" if imported else "native" if self.tags.get(tags.KERNELS) == "native" else "torch",
            estimated_seconds=_number(values.text(tags.ESTIMATED_SECONDS)),
            at_once=_number(values.text(tags.AT_ONCE)),
            imported=imported,
            splits=tuple(name for name in ("val", "test") if name in splits) if splits else ("val", "test"),
            process=RunProcess.of(self.tags),
            logged_outcome=outcome if outcome in OUTCOMES else "",
            forced=tags.FORCED in self.tags,
            data=name_of(self.data),
            problems=tuple(values.problems),
            **fields,
        )


_TEXTS = {
    "run_key": tags.RUN_KEY,
    "group_key": tags.GROUP_KEY,
    "definition": tags.DEFINITION,
    "variant": tags.VARIANT,
    "changes_label": tags.CHANGES,
    "task": tags.TASK,
    "group_id": tags.PARENT_OF_MLFLOW,
    "sweep": tags.SWEEP,
    "message": tags.MESSAGE,
    "attempt": tags.ATTEMPT,
    "replaced_by": tags.REPLACED_BY,
    "instruction_set": tags.INSTRUCTION_SET,
    "analysis": tags.ANALYSIS,
}
"""Field of a StoredRun that is a tag's text -> the tag."""


def changes_of(run_tags: Mapping[str, str]) -> dict[str, JsonValue]:
    """Return what `--set` changed: as JSON, or as the text that earlier versions wrote."""
    return _changes(RunValues(run_tags))


def _changes(values: RunValues) -> dict[str, JsonValue]:
    found = values.json(tags.CHANGES_JSON, _mapping)
    return changes_from_text(values.text(tags.CHANGES)) if found is None else found


def _mapping(found: Any) -> dict[str, JsonValue]:
    if not isinstance(found, dict):
        raise TypeError(found)
    return found


def _arms(found: Any) -> dict[str, tuple[Seeds, ...]]:
    return {name_of(str(name)): seeds_of_labels(labels) for name, labels in found.items()}


def _part(values: RunValues, name: str) -> Part:
    return Part(values.text(tags.named(name)), values.text(tags.part_key(name)))


def _link(values: RunValues, run: str, key: str) -> RunLink | None:
    run_id = values.text(run)
    return RunLink(run_id, values.text(key)) if run_id else None


def _network(values: RunValues) -> dict[str, float]:
    return values.per_exit(tags.MUL_ADDS, "network/mul_adds") | values.per_exit(tags.PARAMETERS, "network/parameters")


def _labels(values: RunValues) -> Labels | None:
    label = values.text(tags.named("labels"))
    if not label:
        return None
    key = values.text(tags.part_key("labels"))
    return Labels(label, key or ", ".join(word for word in label.split(", ") if word not in OF_TRAINING))


def _reported(found: Any) -> dict[str, PaperNumber]:
    return {name_of(entry["metric"]): _paper_number(entry) for entry in found}


def _paper_number(entry: Any) -> PaperNumber:
    return PaperNumber(_finite(entry["value"]), name_of(entry["source"]), bool(entry["approximate"]))


def _score(found: Any) -> Score:
    return Score(tuple(map(_objective, found["objectives"])), bool(found["keeps_bounds"]))


def _objective(found: Any) -> Objective:
    return Objective(name_of(found["metric"]), name_of(found["goal"]), _finite(found["value"]))


def _finite(value: Any) -> float:
    number = float(value)
    if not abs(number) <= LARGEST_METRIC:
        raise ValueError(f"a number in it is {number}")
    return number


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None
