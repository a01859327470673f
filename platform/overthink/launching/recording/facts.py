"""A definition as a store has it: tags, and flat parameters."""

import getpass
import json
from collections.abc import Mapping, Sequence
from typing import Any

from overthink.definition.experiment import Group, LoadedExperiment
from overthink.definition.flat import flat
from overthink.definition.keys import part_keys, summary
from overthink.definition.run_definition import GroupDefinition, RunDefinition
from overthink.launching.planned_run import PlannedRun
from overthink.sentences import utf_8
from overthink.store import tags
from overthink.study.design import arms_text

KERNEL_TAGS = {
    "instruction_set": tags.INSTRUCTION_SET,
    "compiler": tags.COMPILER,
    "flags": tags.COMPILER_FLAGS,
    "source_sha256": tags.KERNEL_SOURCE,
    "images_per_block": tags.IMAGES_PER_BLOCK,
}
"""Setting of a worker that computes by native kernels -> the tag of its run."""


def group_tags(experiment: LoadedExperiment, group: Group) -> dict[str, str]:
    """Return the tags that runs and their group share."""
    policy = group.definition.policy
    reported = [entry.model_dump(mode="json") for entry in group.reported]
    return {
        tags.GROUP_KEY: group.definition.key,
        tags.DEFINITION: experiment.experiment.name,
        tags.VARIANT: group.variant,
        tags.CHANGES: group.departs,
        tags.CHANGES_JSON: json.dumps(group.changes),
        tags.REPORTED: json.dumps(reported),
        **({tags.ARMS: arms_text(group.arms)} if group.arms else {}),
        **({} if policy is None else {tags.TASK: tags.POLICY, tags.part_key("labels"): policy.labels.test_label}),
        "mlflow.source.name": utf_8(experiment.source),
        "mlflow.source.type": "LOCAL",
        "mlflow.user": _user(),
        **{tags.named(name): value for name, value in summary(group.definition).items()},
        **{tags.part_key(name): value for name, value in part_keys(group.definition).items()},
    }


def place_of(experiment: LoadedExperiment, group: Group) -> int:
    """Return a number of a group by which it gets its colour: its place in the definition.

    Of a group that is no variant as it is written, such as a sweep's trial, a number that follows from its key.
    """
    variants = [one.variant for one in experiment.groups if not group.changes]
    return variants.index(group.variant) if group.variant in variants else int(group.definition.key[:8], 16)


def parameters(definition: GroupDefinition, variant: str) -> dict[str, str]:
    """Return a definition as flat parameters: `network.growth`, `regime.0.epochs`, `seeds.order`."""
    named = {"variant": variant, **summary(definition)}
    if isinstance(definition, RunDefinition):
        named["seed"] = definition.seeds.label
    return flat(definition.model_dump(mode="json")) | named


def expected(planned: PlannedRun) -> dict[str, str]:
    """Return the tags of how long a run was estimated to take, and of how many runs are trained at once.

    A resumed run has none: from its start to its end it takes the time between its attempts, too.
    """
    if planned.action != "train":
        return {}
    found = {tags.ESTIMATED_SECONDS: planned.estimated_seconds, tags.AT_ONCE: planned.at_once}
    return {tag: f"{value:.0f}" for tag, value in found.items() if value is not None}


def network_tags(mul_adds: Sequence[float], parameters: Sequence[float]) -> dict[str, str]:
    """Return the tags of what a network is: MUL-ADDs and parameters of exits 1, 2, ..., those that are known."""
    return {
        tag: " ".join(f"{number:.17g}" for number in of_exits)
        for tag, of_exits in ((tags.MUL_ADDS, mul_adds), (tags.PARAMETERS, parameters))
        if of_exits
    }


def kernel_tags(attempts: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the tags of what computed a run, from the provenance of its attempts; what changed is named in order."""
    known = [_kernel_settings(attempt.get("settings")) for attempt in attempts]
    found = {
        tag: ", ".join(dict.fromkeys(str(one[name]) for one in known if name in one))
        for name, tag in KERNEL_TAGS.items()
    }
    return {tag: text for tag, text in found.items() if text}


def _kernel_settings(settings: object) -> dict[str, object]:
    """Return what a run was computed by; torch's kernels on a CPU have an instruction set alone."""
    if not isinstance(settings, dict):
        return {}
    by_torch = {"instruction_set": settings.get("cpu_capability", "")} if settings.get("device") == "cpu" else {}
    return by_torch | {name: settings[name] for name in KERNEL_TAGS if name in settings}


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number that has no name
        return "unknown"
