"""Definitions: YAML files that say what to run, checked whole before anything runs.

An `Experiment` is what a person writes. It resolves into groups (one a variant), a group into one `RunDefinition` a
seed. Keys are hashes of what departs from the defaults: a field added later leaves the keys of older runs as they are.
"""

from dataclasses import dataclass, field
from typing import Annotated, Self

from pydantic import Field, JsonValue, field_validator, model_validator

from overthink.definition.run_definition import GroupDefinition, Name, RunDefinition
from overthink.policy.catalogue import describe
from overthink.seeds import SeedPlan, Seeds, Source
from overthink.spec import Spec
from overthink.store.changes import changes_text

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
    changes: dict[str, JsonValue] = field(default_factory=dict)
    """What `--set` changed of the variant: dotted path -> value; empty for a variant as it is written."""
    arms: dict[str, tuple[Seeds, ...]] = field(default_factory=dict)
    """Of a study: the seeds of each arm, all of them among `seeds`."""
    changes_label: str = ""
    """The changes in a few words; made of `changes` where left out."""

    @property
    def departs(self) -> str:
        """The changes in a few words: `network.growth=8`; empty for a variant as it is written."""
        return self.changes_label or changes_text(self.changes)

    @property
    def label(self) -> str:
        """The variant, and what departs from it."""
        return f"{self.variant} [{self.departs}]" if self.changes else self.variant

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
