"""Experiments: the contents of a definition file.

An `Experiment` is resolved into groups, one per variant, and a group into runs, one per seed.
"""

import json
from dataclasses import dataclass, field
from typing import Annotated, Self

from pydantic import Field, JsonValue, field_validator, model_validator

from overthink.definition.run_definition import GroupDefinition, Name, RunDefinition
from overthink.policy.catalogue import describe
from overthink.seeds import LONGEST_LABELS, SeedPlan, Seeds, Source
from overthink.spec import Spec
from overthink.store.changes import changes_text
from overthink.study.design import MOST_REPEATS, seeds_of_arms, sobol_arms
from overthink.study.fork_design import check_forks, seeds_of_forks
from overthink.training.regime import check_epochs

Description = Annotated[str, Field(min_length=1, max_length=8000)]
"""As long as a tag of the store may be."""
Arm = Annotated[tuple[Source, ...], Field(min_length=1)]


class Reported(Spec):
    """A number that a paper reports for an experiment; tables print it next to ours."""

    metric: str
    """A stored metric with its split, such as `test/overthinking/any_later`."""
    value: float
    """In the metric's unit: a fraction, not percent."""
    source: Annotated[str, Field(min_length=1)]
    variant: Name | None = None
    """The variant that it belongs to; every variant if left out."""
    approximate: bool = False
    """Whether it was read from a plot or derived from a rounded number."""

    @field_validator("metric")
    @classmethod
    def _metric_exists(cls, metric: str) -> str:
        split, _, name = metric.partition("/")
        if split not in ("val", "test"):
            raise ValueError(f"a reported metric starts with val/ or test/, got {metric!r}")
        describe(name)
        return metric


class Experiment(GroupDefinition):
    """A definition file: a group of runs, its seeds and variants, and the numbers that a paper reports."""

    name: Name
    description: Description
    seeds: SeedPlan
    variants: dict[Name, dict[str, JsonValue]] = Field(default_factory=dict)
    """Name -> {dotted path: value}: a variant is the definition with these values replaced."""
    arms: dict[Name, Arm] = Field(default_factory=dict)
    """For a study: name -> the sources of randomness that vary between repeats; arms replace `seeds`."""
    sobol: tuple[Source, ...] = ()
    """For a study: sources whose first-order and total shares are wanted; adds the arms that this takes to `arms`."""
    repeats: Annotated[int, Field(ge=2, le=MOST_REPEATS)] | None = None
    """Number of runs of each arm at a base point; all arms share repeat 0."""
    base_points: Annotated[int, Field(ge=1, le=MOST_REPEATS)] = 1
    """For a study: number of runs around which arms vary their sources."""
    fork_at: tuple[Annotated[int, Field(ge=0)], ...] = ()
    """For a study: epochs from which on the repeats of arms differ; the runs around which they do are their trunks."""
    reported: tuple[Reported, ...] = ()

    @field_validator("sobol")
    @classmethod
    def _shares_take_two_sources(cls, sobol: tuple[Source, ...]) -> tuple[Source, ...]:
        if sobol and (len({*sobol}) < max(2, len(sobol)) or "repeat" in sobol):
            raise ValueError(f"expected two different sources or more, and not `repeat`, got {', '.join(sobol)}")
        return sobol

    @model_validator(mode="after")
    def _arms_repeat(self) -> Self:
        if bool(self.arms or self.sobol) != (self.repeats is not None):
            raise ValueError("a study needs both arms (or sobol) and repeats, any other experiment neither")
        if self.base_points > 1 and self.repeats is None:
            raise ValueError(f"base_points: {self.base_points} for an experiment that is no study")
        for name, sources in sobol_arms(self.sobol).items():
            if {*self.arms.get(name, sources)} != {*sources}:
                raise ValueError(f"arms.{name}: sobol adds an arm of this name that varies {', '.join(sources)}")
        return self

    @model_validator(mode="after")
    def _forks_are_possible(self) -> Self:
        if self.fork_at:
            check_forks(self.arms, self.sobol)
            self.check_forks_of(self)
        return self

    def check_forks_of(self, definition: GroupDefinition) -> None:
        """Raise ValueError where a variant's runs cannot be forked at the epochs of `fork_at`."""
        if self.fork_at and definition.policy is not None:
            raise ValueError("fork_at: forks of policy networks are not possible, only of multi-exit networks")
        check_epochs("fork_at", self.fork_at, definition.regime)

    @model_validator(mode="after")
    def _reported_fits_the_store(self) -> Self:
        length = len(json.dumps([entry.model_dump(mode="json") for entry in self.reported]))
        if length > LONGEST_LABELS:
            raise ValueError(f"reported: {length} characters, of which the store keeps {LONGEST_LABELS}")
        return self

    @model_validator(mode="after")
    def _reported_variants_exist(self) -> Self:
        for entry in self.reported:
            if entry.variant is not None and entry.variant not in self.variants:
                raise ValueError(f"reported: no variant {entry.variant!r} among {sorted(self.variants)}")
        return self

    @property
    def seeds_by_arm(self) -> dict[str, tuple[Seeds, ...]]:
        """Of a study: the seeds of each arm, an arm at each base point."""
        if self.fork_at:
            return seeds_of_forks(self.arms, self.repeats or 0, self.base_points, self.fork_at)
        return seeds_of_arms(sobol_arms(self.sobol) | self.arms, self.repeats or 0, self.base_points)


@dataclass(frozen=True)
class Group:
    """One resolved variant of an experiment, with the seeds of its runs."""

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
        """The definitions of the runs, one per seed; a trunk keeps snapshots where its forks leave it, a fork none."""
        left_at: dict[Seeds, set[int]] = {}
        for seeds in self.seeds:
            if seeds.fork is not None and seeds.trunk is not None:
                left_at.setdefault(seeds.trunk, set()).add(seeds.fork.at)
        kept = {one: () if one.fork else sorted({*self.definition.keep, *left_at.get(one, ())}) for one in self.seeds}
        return tuple(self.definition.keeping(epochs).with_seeds(seeds) for seeds, epochs in kept.items())


@dataclass(frozen=True)
class LoadedExperiment:
    """An experiment with its groups; variants that resolve to equal definitions are one group."""

    source: str
    experiment: Experiment
    groups: tuple[Group, ...]
    merged: dict[str, str] = field(default_factory=dict)
    """Variant without a group of its own -> the variant that resolves to an equal definition, whose group it shares."""

    @property
    def merged_sentences(self) -> tuple[str, ...]:
        """A sentence for each group that several variants share."""
        shared = [[name for name, kept in self.merged.items() if kept == group.variant] for group in self.groups]
        return tuple(
            f"{self.experiment.name}: variants {', '.join((group.variant, *names))} resolve to one definition; it is "
            f"trained once, as {group.label}."
            for group, names in zip(self.groups, shared, strict=True)
            if names
        )
