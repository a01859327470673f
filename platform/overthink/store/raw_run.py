"""Where a store's tags become a typed run: the only place that reads them. Tags are not trusted: anybody can edit them.

A tag that cannot be read counts as absent.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import get_args

from pydantic import JsonValue

from overthink.seeds import Seeds, seeds_of_labels
from overthink.store import tags
from overthink.store.changes import changes_from_text
from overthink.store.liveness import RunProcess
from overthink.store.stored import Kind, Labels, PaperNumber, Part, RunLink, StoredRun

OF_TRAINING = ("training data", "permuted")
"""Words in the labels of earlier versions that concern training and validation data alone."""
UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, RecursionError)


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

    def parsed(self) -> StoredRun:
        """Return the run with its tags parsed."""
        text = {name: self.tags.get(tag, "") for name, tag in _TEXTS.items()}
        return StoredRun(
            run_id=self.run_id,
            experiment_id=self.experiment_id,
            name=self.name,
            status=self.status,
            started_ms=self.started_ms,
            ended_ms=self.ended_ms,
            kind=self.kind,
            changes=changes_of(self.tags),
            seeds=seeds_of_labels(self.tags.get(tags.SEEDS, "")),
            arms=_arms(self.tags.get(tags.ARMS, "")),
            dataset=self._part("dataset"),
            network=self._part("network"),
            regime=self._part("regime"),
            labels=_labels(self.tags),
            kernels="native" if self.tags.get(tags.KERNELS) == "native" else "torch",
            reported=_reported(self.tags.get(tags.REPORTED, "")),
            parent=self._link(tags.PARENT_RUN, tags.PARENT_KEY),
            main=self._link(tags.MAIN_RUN, tags.MAIN_KEY),
            labelled_by=tuple(self.tags.get(tags.LABELLED_BY, "").split()),
            policy_run_ids=tuple(self.tags.get(tags.POLICY_RUNS, "").split()),
            trial=_number(self.tags.get(tags.TRIAL, "")),
            process=RunProcess.of(self.tags),
            forced=tags.FORCED in self.tags,
            metrics=self.metrics,
            params=self.params,
            data=self.data,
            **text,
        )

    def _part(self, name: str) -> Part:
        return Part(self.tags.get(tags.named(name), ""), self.tags.get(tags.part_key(name), ""))

    def _link(self, run: str, key: str) -> RunLink | None:
        return RunLink(self.tags[run], self.tags.get(key, "")) if self.tags.get(run) else None


_TEXTS = {
    "run_key": tags.RUN_KEY,
    "group_key": tags.GROUP_KEY,
    "definition": tags.DEFINITION,
    "variant": tags.VARIANT,
    "changes_label": tags.CHANGES,
    "task": tags.TASK,
    "group_id": tags.PARENT_OF_MLFLOW,
    "sweep": tags.SWEEP,
    "logged_outcome": tags.OUTCOME,
    "message": tags.MESSAGE,
    "attempt": tags.ATTEMPT,
    "replaced_by": tags.REPLACED_BY,
    "instruction_set": tags.INSTRUCTION_SET,
    "analysis": tags.ANALYSIS,
    "note": tags.MLFLOW_NOTE,
}
"""Field of a StoredRun that is a tag's text -> the tag."""


def changes_of(run_tags: Mapping[str, str]) -> dict[str, JsonValue]:
    """Return what `--set` changed: as JSON, or as the text that earlier versions wrote."""
    with suppress(*UNREADABLE):
        found = json.loads(run_tags[tags.CHANGES_JSON])
        if isinstance(found, dict):
            return found
    return changes_from_text(run_tags.get(tags.CHANGES, ""))


def _arms(text: str) -> dict[str, tuple[Seeds, ...]]:
    with suppress(*UNREADABLE):
        return {str(name): seeds_of_labels(labels) for name, labels in json.loads(text or "{}").items()}
    return {}


def _labels(run_tags: Mapping[str, str]) -> Labels | None:
    label = run_tags.get(tags.named("labels"))
    if not label:
        return None
    key = run_tags.get(tags.part_key("labels"))
    return Labels(label, key or ", ".join(word for word in label.split(", ") if word not in OF_TRAINING))


def _reported(text: str) -> dict[str, PaperNumber]:
    with suppress(*UNREADABLE):
        return {
            str(entry["metric"]): PaperNumber(float(entry["value"]), str(entry["source"]), bool(entry["approximate"]))
            for entry in json.loads(text or "[]")
        }
    return {}


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None
