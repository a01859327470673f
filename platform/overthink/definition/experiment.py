"""Definitions: YAML files that say what to run, checked whole before anything runs.

An `Experiment` is what a person writes. It resolves into groups (one a variant), a group into one `RunDefinition` a
seed. Keys are hashes of what departs from the defaults: a field added later leaves the keys of older runs as they are.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, JsonValue, field_validator, model_validator

from overthink.definition.errors import DefinitionError
from overthink.definition.reference import with_base, with_main_network
from overthink.definition.run_definition import GroupDefinition, Name, RunDefinition, parse_run, validated
from overthink.definition.source import Overrides, override, read_yaml
from overthink.policy.catalogue import describe
from overthink.seeds import SeedPlan, Seeds, Source, expand, replace_free, seeds_of_arms
from overthink.spec import Spec

Arm = Annotated[tuple[Source, ...], Field(min_length=1)]


class Reported(Spec):
    """A number that a paper gives for an experiment; tables print it beside ours."""

    metric: str
    """A stored metric with its split, such as `test/overthinking/any_later`."""
    value: float
    """In the metric's unit: a fraction, not percent."""
    source: Annotated[str, Field(min_length=1)]
    variant: Name | None = None
    """The variant it belongs to; every variant where left out."""
    approximate: bool = False
    """Read off a plot, or derived from a rounded number."""

    @field_validator("metric")
    @classmethod
    def _metric_exists(cls, metric: str) -> str:
        split, _, name = metric.partition("/")
        if split not in ("val", "test"):
            raise ValueError(f"a reported metric starts with val/ or test/, got {metric!r}")
        describe(name)
        return metric


class Experiment(GroupDefinition):
    """A definition file: a group, its seeds, variants of it, and what a paper reported."""

    name: Name
    description: Annotated[str, Field(min_length=1)]
    seeds: SeedPlan
    variants: dict[Name, dict[str, JsonValue]] = Field(default_factory=dict)
    """Name -> {dotted path: value}: each variant is the definition with these values instead."""
    arms: dict[Name, Arm] = Field(default_factory=dict)
    """Of a study: name -> the sources of randomness that its repeats differ in; they replace `seeds`."""
    repeats: Annotated[int, Field(ge=2, le=1000)] | None = None
    """Runs of each arm; repeat 0 is one run that all arms share."""
    reported: tuple[Reported, ...] = ()

    @model_validator(mode="after")
    def _arms_repeat(self) -> Self:
        if bool(self.arms) != (self.repeats is not None):
            raise ValueError("arms and repeats belong together: a study has both, any other experiment neither")
        return self

    @model_validator(mode="after")
    def _reported_variants_exist(self) -> Self:
        for entry in self.reported:
            if entry.variant is not None and entry.variant not in self.variants:
                raise ValueError(f"reported: no variant {entry.variant!r} among {sorted(self.variants)}")
        return self


@dataclass(frozen=True)
class Group:
    """One variant of an experiment, resolved, with the runs it asks for."""

    variant: str
    definition: GroupDefinition
    seeds: tuple[Seeds, ...]
    reported: tuple[Reported, ...]
    changes: str = ""
    """What `--set` made of the variant: `network.growth=8`; empty for a variant as it is written."""
    arms: dict[str, tuple[Seeds, ...]] = field(default_factory=dict)
    """Of a study: the seeds of each arm, all of them among `seeds`."""

    @property
    def label(self) -> str:
        """The variant, and what departs from it."""
        return f"{self.variant} [{self.changes}]" if self.changes else self.variant

    @property
    def runs(self) -> tuple[RunDefinition, ...]:
        """One definition a seed."""
        return tuple(self.definition.with_seeds(seeds) for seeds in self.seeds)


@dataclass(frozen=True)
class LoadedExperiment:
    """An experiment read from a file, with its groups; groups that resolve to the same thing are one."""

    source: str
    experiment: Experiment
    groups: tuple[Group, ...]


def load_experiment(
    path: Path, overrides: Sequence[str] = (), seeds: tuple[int, ...] | None = None
) -> LoadedExperiment:
    """Read, override (`network.growth=8`) and check a definition with all its variants.

    Raises DefinitionError, in one sentence naming file, key and value, at the first thing that is wrong.
    """
    return resolved(read_yaml(path), str(path), overrides, seeds)


def resolved(
    read: dict[str, Any], source: str, overrides: Sequence[str] = (), seeds: tuple[int, ...] | None = None
) -> LoadedExperiment:
    """Override and check the plain data of a definition with all its variants; raise as `load_experiment` does."""
    if read.get("kind") == "sweep":
        raise DefinitionError(f"{source}: this is a sweep; overthink sweep starts it")
    raw = with_base(read, source, main_network_of)
    settings = Overrides.parse(overrides)
    experiment = validated(Experiment, with_main_network(settings.apply(raw), source, main_network_of), source)
    if seeds is not None and experiment.arms:
        raise DefinitionError(f"{source}: a study takes its seeds from its arms; --set repeats=N makes more or fewer")
    if seeds is not None:
        experiment = experiment.model_copy(update={"seeds": replace_free(experiment.seeds, seeds)})
    groups: dict[str, Group] = {}
    for variant, changes in (experiment.variants or {"base": {}}).items():
        group = _resolve(raw, variant, changes, settings, experiment, source)
        groups.setdefault(group.definition.key, group)
    return LoadedExperiment(source, experiment, tuple(groups.values()))


def main_network_of(path: Path, overrides: Sequence[str], variant: str | None, place: str) -> tuple[Experiment, Group]:
    """Return the experiment and the group that a policy network's definition refers to.

    Raises DefinitionError where the file is itself a policy network's, or the variant is not one of its.
    """
    if "policy" in read_yaml(path):
        raise DefinitionError(f"{place}: {path} defines a policy network, which has no exits to choose from")
    return group_named(path, overrides, variant, place)


def group_named(path: Path, overrides: Sequence[str], variant: str | None, place: str) -> tuple[Experiment, Group]:
    """Return an experiment and its group of a variant, which may be left out where there is only one.

    Raises DefinitionError where the variant is not one of the file's.
    """
    loaded = load_experiment(path, overrides)
    groups = {group.variant: group for group in loaded.groups}
    if variant is None and len(groups) == 1:
        variant = next(iter(groups))
    if variant not in groups:
        said = "say which variant" if variant is None else f"no variant {variant!r}"
        raise DefinitionError(f"{place}: {said} of {loaded.experiment.name}, which has {', '.join(groups)}")
    return loaded.experiment, groups[variant]


def _resolve(
    raw: dict[str, Any],
    variant: str,
    changes: Mapping[str, JsonValue],
    settings: Overrides,
    experiment: Experiment,
    source: str,
) -> Group:
    place = f"{source}: variants.{variant}"
    changed = raw
    for path, value in changes.items():
        if path.split(".")[0] not in GroupDefinition.model_fields:
            raise DefinitionError(f"{place}.{path}: a variant changes a run, and {path!r} is not part of one")
        changed = override(changed, path, value, place)
    definition = group_definition(settings.apply(changed), place if changes else source)
    # A paper's numbers are for the definition as it is written, not for one with other values.
    as_written = not settings.values or _is(definition, changed, place)
    reported = tuple(entry for entry in experiment.reported if as_written and entry.variant in (None, variant))
    departs = "" if as_written else settings.text_of(GroupDefinition.model_fields)
    arms = seeds_of_arms(experiment.arms, experiment.repeats or 0)
    seeds = tuple(dict.fromkeys(seeds for arm in arms.values() for seeds in arm)) or expand(experiment.seeds)
    return Group(variant, definition, seeds, reported, departs, arms)


def group_definition(raw: dict[str, Any], place: str) -> GroupDefinition:
    """Return the part of an experiment's plain data that makes a group; raises DefinitionError where it is none."""
    whole = with_main_network(raw, place, main_network_of)
    base = {key: value for key, value in whole.items() if key in GroupDefinition.model_fields}
    return validated(GroupDefinition, base, place)


def _is(definition: GroupDefinition, written: dict[str, Any], place: str) -> bool:
    """Tell whether a definition with `--set` values comes to the same as the one that is written, if that is valid."""
    try:
        return group_definition(written, place).key == definition.key
    except DefinitionError:
        return False


def main_networks_of(loaded: LoadedExperiment) -> list[LoadedExperiment]:
    """Return the main networks that the policy networks of an experiment choose for, with the seeds that are needed."""
    found = []
    for group in loaded.groups:
        policy = group.definition.policy
        if policy is not None:
            called = {"name": policy.of_name, "description": policy.of_description, "variants": {policy.of_variant: {}}}
            raw = policy.of.model_dump(mode="json") | called | {"seeds": 1}
            seeds = tuple(dict.fromkeys(run.chooses_for.seeds for run in group.runs if run.chooses_for is not None))
            of = Group(policy.of_variant, policy.of, seeds, (), policy.of_changes)
            found.append(LoadedExperiment(loaded.source, validated(Experiment, raw, loaded.source), (of,)))
    return found


def experiment_of_run(
    text: str, source: str, name: str, variant: str, description: str, changes: str = ""
) -> LoadedExperiment:
    """Return an experiment of the one run whose resolved definition (JSON) this is."""
    run = parse_run(text, source)
    raw = json.loads(text) | {"name": name, "description": description, "variants": {variant: {}}, "seeds": 1}
    experiment = validated(Experiment, raw, source)
    return LoadedExperiment(source, experiment, (Group(variant, run.group, (run.seeds,), (), changes),))
