"""A sweep file: what it starts from, what it varies, what it looks for; checked before anything is trained."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from overthink.definition.errors import DefinitionError
from overthink.definition.experiment import Experiment, Group, LoadedExperiment
from overthink.definition.loading import group_definition, group_of
from overthink.definition.reference import Reference
from overthink.definition.run_definition import GroupDefinition, Name, validated
from overthink.definition.source import Overrides, override, read_yaml
from overthink.seeds import SeedPlan, expand
from overthink.spec import Spec
from overthink.sweep.choosers import PrunerSpec, SamplerSpec
from overthink.sweep.goal import LABELS, NETWORK, Constraint, Objective, Objectives, check_metric, curve
from overthink.sweep.space import Space, Value, check_conditions, corners, grid_of, said, written
from overthink.training.regime import total_epochs

ROOTS = {*GroupDefinition.model_fields, "seeds"} - {"schema_version"}


class Sweep(Spec):
    """A sweep file."""

    schema_version: Literal[1]
    kind: Literal["sweep"]
    name: Name
    description: Annotated[str, Field(min_length=1)]
    experiment: Reference
    """The definition that every trial departs from: `quickstart`, or {definition, variant, set}."""
    seeds: SeedPlan = 1
    """Of each trial."""
    objectives: Objectives
    constraints: tuple[Constraint, ...] = ()
    space: Space
    """Dotted path into the definition -> what to try there; later paths may lead into what earlier ones put there."""
    sampler: SamplerSpec = SamplerSpec()
    pruner: PrunerSpec | None = None
    trials: Annotated[int, Field(ge=1, le=1_000_000)] = 20
    time_limit_minutes: Annotated[float, Field(gt=0)] | None = None
    """After it no trial is begun."""

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        check_conditions(self.space)
        for path in self.space:
            if path.split(".")[0] not in ROOTS or path.startswith("policy.of"):
                raise ValueError(
                    f"space.{path}: a sweep varies parts of a run ({', '.join(sorted(ROOTS))}), not of policy.of"
                )
        metrics = [objective.metric for objective in self.objectives]
        if len(set(metrics)) < len(metrics):
            raise ValueError(f"objectives: a metric stands twice in {metrics}")
        if len(metrics) > 1 and self.sampler.kind == "cma-es":
            raise ValueError("sampler: cma-es has one objective; tpe, gp, random, grid and quasi-random take several")
        if self.sampler.kind == "grid":
            grid_of(self.space)
        if self.pruner is not None:
            self._check_pruner()
        return self

    def _check_pruner(self) -> None:
        if len(self.objectives) > 1:
            raise ValueError(
                f"pruner: with {len(self.objectives)} objectives no trial is hopeless by itself; leave it out"
            )
        if not self.trains:
            raise ValueError("pruner: nothing is trained, so there is nothing to end early; leave it out")
        seeds = len(expand(self.seeds))
        if seeds == 1 and not has_curve(self.objectives[0]):
            raise ValueError(
                f"pruner: {self.objectives[0].metric} is not known after each epoch, and a trial has one seed"
            )

    @property
    def wanted(self) -> int:
        """How many trials there are to be; a grid has no more than its points."""
        return min(self.trials, len(grid_of(self.space))) if self.sampler.kind == "grid" else self.trials

    @property
    def trains(self) -> bool:
        """Whether a trial has to train anything beside a policy's main network."""
        return any(one.metric.split("/")[0] not in (LABELS, NETWORK) for one in (*self.objectives, *self.constraints))


def has_curve(objective: Objective) -> bool:
    """Tell whether an objective is known after each epoch."""
    return curve(objective.metric, {"val_accuracy": [0.0] * 10_000}) is not None


@dataclass(frozen=True)
class LoadedSweep:
    """A sweep read from a file, and the definition that its trials depart from."""

    source: str
    sweep: Sweep
    base: GroupDefinition
    raw: dict[str, Any]
    """The same as plain data of an experiment, with the sweep's name and seeds."""

    @property
    def study_name(self) -> str:
        """A name that is another one as soon as trials would no longer be comparable, or come from another space."""
        plain = self.sweep.model_dump(
            mode="json", exclude={"description", "experiment", "trials", "time_limit_minutes"}
        )
        return f"{self.sweep.name} {_hash([self._plain_base, plain])}"

    @property
    def measure(self) -> str:
        """A hash of the sweep's name and all that a trial's values depend on beside what it tries."""
        parts = ("name", "objectives", "constraints", "seeds")
        return _hash([self._plain_base, self.sweep.model_dump(mode="json", include=set(parts))])

    @property
    def _plain_base(self) -> dict[str, Any]:
        return {key: value for key, value in self.raw.items() if key not in ("name", "description")}

    def at(self, point: Mapping[str, Value], variant: str) -> LoadedExperiment:
        """Return the experiment, of one group, that a point comes to; raises DefinitionError where it is not valid."""
        raw, place = self.raw, f"{self.source}: space"
        for path, value in written(self.sweep.space, point).items():
            raw = override(raw, path, value, f"{place}.{path}")
        where = f"{self.source}: {said(point)}"
        definition = group_definition(raw, where)
        experiment = validated(Experiment, {**raw, "variants": {variant: {}}}, where)
        group = Group(variant, definition, expand(experiment.seeds), (), said(point))
        return LoadedExperiment(self.source, experiment, (group,))


def load_sweep(path: Path, overrides: tuple[str, ...] = ()) -> LoadedSweep:
    """Read a sweep file, override values of it (`trials=50`), and check it and every end of its space.

    Raises DefinitionError, in one sentence naming file, key and value, at the first thing that is wrong.
    """
    source, raw = str(path), Overrides.parse(overrides).apply(read_yaml(path))
    if raw.get("kind") != "sweep":
        raise DefinitionError(f"{path}: this is no sweep (kind: sweep); overthink run starts an experiment")
    sweep = validated(Sweep, raw, source)
    _, group = group_of(sweep.experiment, source, "experiment")
    base = group.definition.model_dump(mode="json", exclude_defaults=True) | {"schema_version": 1}
    named = {"name": sweep.name, "description": sweep.description, "seeds": raw.get("seeds", 1)}
    loaded = LoadedSweep(source, sweep, group.definition, {**base, **named})
    _check(loaded)
    return loaded


def _check(loaded: LoadedSweep) -> None:
    epochs = set()
    for number, point in enumerate(corners(loaded.sweep.space)):
        group = loaded.at(point, f"trial-{number}").groups[0]
        epochs.add(total_epochs(group.definition.regime))
        for kind in ("objectives", "constraints"):
            for place, one in enumerate(getattr(loaded.sweep, kind)):
                try:
                    check_metric(one.metric, group.definition)
                    if isinstance(one, Objective):
                        one.way  # noqa: B018 - raises where there is none
                except ValueError as error:
                    raise DefinitionError(f"{loaded.source}: {kind}.{place}.metric: {error}") from None
    if loaded.sweep.pruner is not None and len(epochs) > 1:
        raise DefinitionError(
            f"{loaded.source}: pruner: it compares trials epoch by epoch; the space has runs of {sorted(epochs)} epochs"
        )


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]
