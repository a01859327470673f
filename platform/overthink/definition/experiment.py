"""Definitions: YAML files that say what to run, checked whole before anything runs.

An `Experiment` is what a person writes. It resolves into groups (one a variant), a group into one `RunDefinition` a
seed. Keys are hashes of what departs from the defaults: a field added later leaves the keys of older runs as they are.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import Field, JsonValue, ValidationError, field_validator, model_validator

from overthink.data.augment import AugmentSpec
from overthink.data.catalogue import DatasetSpec
from overthink.definition.errors import DefinitionError, sentence_for
from overthink.definition.keys import run_or_group_key
from overthink.definition.source import Overrides, override, read_yaml
from overthink.metrics.catalogue import describe
from overthink.networks.catalogue import NetworkSpec, check_network
from overthink.seeds import SeedPlan, Seeds, expand, replace_free
from overthink.spec import Spec
from overthink.training.regime import Regime, check_regime

S = TypeVar("S", bound=Spec)
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.+-]{0,99}$")]


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


class GroupDefinition(Spec):
    """Everything that makes a run what it is, the seeds left out."""

    schema_version: Literal[1]
    dataset: DatasetSpec
    augment: AugmentSpec | None = None
    """Left out: the data set's standard one. `{}` is none at all."""
    validation: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Fraction of the training samples set aside for validation (thesis section 4.2: 20%)."""
    network: NetworkSpec
    regime: Regime
    threads: Annotated[int, Field(ge=1, le=1024)] = 1
    """CPU threads of one run. They change the last bits of a result, so they belong to the definition."""
    keep_logits: bool = False
    """Keep every logit among the predictions, beside what is derived from them."""

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        check_network(self.network, self.dataset.input_shape, self.dataset.n_classes)
        check_regime(self.regime, self.network.blocks)
        return self

    @property
    def augmentation(self) -> AugmentSpec:
        """What happens to training images: as written, else the data set's standard."""
        return self.dataset.augment if self.augment is None else self.augment

    @property
    def key(self) -> str:
        """The group key."""
        return run_or_group_key(self)

    def with_seeds(self, seeds: Seeds) -> "RunDefinition":
        """Return the definition of one run of this group."""
        return RunDefinition(**{name: getattr(self, name) for name in GroupDefinition.model_fields}, seeds=seeds)


class RunDefinition(GroupDefinition):
    """One training of one network with one set of seeds: enough to repeat a run from the store alone."""

    seeds: Seeds

    @property
    def group(self) -> GroupDefinition:
        """The same without its seeds."""
        return GroupDefinition(**{name: getattr(self, name) for name in GroupDefinition.model_fields})


class Experiment(GroupDefinition):
    """A definition file: a group, its seeds, variants of it, and what a paper reported."""

    name: Name
    description: Annotated[str, Field(min_length=1)]
    seeds: SeedPlan
    variants: dict[Name, dict[str, JsonValue]] = Field(default_factory=dict)
    """Name -> {dotted path: value}: each variant is the definition with these values instead."""
    reported: tuple[Reported, ...] = ()

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
    raw = read_yaml(path)
    settings = Overrides.parse(overrides)
    experiment = validated(Experiment, settings.apply(raw), str(path))
    if seeds is not None:
        experiment = experiment.model_copy(update={"seeds": replace_free(experiment.seeds, seeds)})
    groups: dict[str, Group] = {}
    for variant, changes in (experiment.variants or {"base": {}}).items():
        group = _resolve(raw, variant, changes, settings, experiment, str(path))
        groups.setdefault(group.definition.key, group)
    return LoadedExperiment(str(path), experiment, tuple(groups.values()))


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
    definition = _group_definition(settings.apply(changed), place if changes else source)
    # A paper's numbers are for the definition as it is written, not for one with other values.
    as_written = not settings.values or _is(definition, changed, place)
    reported = tuple(entry for entry in experiment.reported if as_written and entry.variant in (None, variant))
    departs = "" if as_written else settings.text_of(GroupDefinition.model_fields)
    return Group(variant, definition, expand(experiment.seeds), reported, departs)


def _group_definition(raw: Mapping[str, Any], place: str) -> GroupDefinition:
    base = {key: value for key, value in raw.items() if key in GroupDefinition.model_fields}
    return validated(GroupDefinition, base, place)


def _is(definition: GroupDefinition, written: Mapping[str, Any], place: str) -> bool:
    """Tell whether a definition with `--set` values comes to the same as the one that is written, if that is valid."""
    try:
        return _group_definition(written, place).key == definition.key
    except DefinitionError:
        return False


def parse_run(text: str, source: str) -> RunDefinition:
    """Read the JSON of a resolved run, as stored with every run; raise DefinitionError where it is not one."""
    try:
        raw = json.loads(text)
    except ValueError as error:
        raise DefinitionError(f"{source}: not readable as JSON: {error}") from None
    return validated(RunDefinition, raw, source)


def experiment_of_run(
    text: str, source: str, name: str, variant: str, description: str, changes: str = ""
) -> LoadedExperiment:
    """Return an experiment of the one run whose resolved definition (JSON) this is."""
    run = parse_run(text, source)
    raw = json.loads(text) | {"name": name, "description": description, "variants": {variant: {}}}
    experiment = validated(Experiment, raw, source)
    return LoadedExperiment(source, experiment, (Group(variant, run.group, (run.seeds,), (), changes),))


def validated(model: type[S], raw: Any, source: str) -> S:
    """Return raw data as a specification; raise DefinitionError in one sentence where it is not one."""
    try:
        return model.model_validate_json(json.dumps(raw))
    except ValidationError as error:
        raise DefinitionError(sentence_for(error, model, source, raw)) from None
