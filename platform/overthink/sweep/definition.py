"""A sweep file: base definition, search space, objectives and sampler; checked before anything is trained."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from overthink.definition.errors import DefinitionError
from overthink.definition.experiment import Description, Experiment, Group, LoadedExperiment
from overthink.definition.loading import group_definition, group_of
from overthink.definition.plain_data import short_hash, validated
from overthink.definition.reference import Reference
from overthink.definition.run_definition import GroupDefinition, Name
from overthink.definition.source import Overrides, override_all, read_yaml
from overthink.seeds import SeedPlan, expand
from overthink.spec import WHOLE, Spec
from overthink.sweep.goal import LABELS, NETWORK, Constraint, Objective, Objectives, check_metric, value_at_epoch
from overthink.sweep.sampler_spec import PrunerSpec, SamplerSpec
from overthink.sweep.space import Space, Value, check_conditions, corners, format_point, grid_of, values_by_path
from overthink.training.regime import total_epochs

ROOTS = {*GroupDefinition.model_fields, "seeds"} - {"schema_version"}


class Sweep(Spec):
    """A sweep file."""

    schema_version: Annotated[Literal[1], WHOLE]
    kind: Literal["sweep"]
    name: Name
    description: Description
    experiment: Reference
    """The base definition that every trial changes: `quickstart`, or {definition, variant, set}."""
    seeds: SeedPlan = 1
    """Seeds of each trial."""
    objectives: Objectives
    constraints: tuple[Constraint, ...] = ()
    space: Space
    """Dotted path into the definition -> values to try; a path may lead into a value that an earlier path sets."""
    sampler: SamplerSpec = SamplerSpec()
    pruner: PrunerSpec | None = None
    trials: Annotated[int, Field(ge=1, le=1_000_000)] = 20
    time_limit_minutes: Annotated[float, Field(gt=0)] | None = None
    """After it no trial is started."""

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
            raise ValueError(f"objectives: a metric occurs twice in {metrics}")
        if len(metrics) > 1 and self.sampler.kind == "cma-es":
            raise ValueError("sampler: cma-es supports one objective; all other samplers support several")
        if self.sampler.kind == "grid":
            grid_of(self.space)
        if self.pruner is not None:
            self._check_pruner()
        return self

    def _check_pruner(self) -> None:
        if len(self.objectives) > 1:
            raise ValueError(f"pruner: pruning needs a single objective, got {len(self.objectives)}; remove the pruner")
        if not self.trains:
            raise ValueError("pruner: no objective or constraint needs training; remove the pruner")
        metric = self.objectives[0].metric
        if len(expand(self.seeds)) == 1 and value_at_epoch(metric, [0.0] * 10_000) is None:
            raise ValueError(f"pruner: {metric} is not known after each epoch, and a trial has only one seed")

    @property
    def wanted(self) -> int:
        """The number of trials to run; on a grid at most one for each point."""
        return min(self.trials, len(grid_of(self.space))) if self.sampler.kind == "grid" else self.trials

    @property
    def goals(self) -> tuple[str, ...]:
        """Names of the metrics that hold the objective values of trials."""
        return tuple(f"objective/{one.metric}" for one in self.objectives)

    @property
    def trains(self) -> bool:
        """Whether a trial trains anything besides a policy's main network."""
        return any(one.metric.split("/")[0] not in (LABELS, NETWORK) for one in (*self.objectives, *self.constraints))

    @property
    def needs_labels(self) -> bool:
        """Whether it measures an early-exit data set, for which its main network has to be trained."""
        return any(one.metric.startswith(LABELS) for one in (*self.objectives, *self.constraints))


@dataclass(frozen=True)
class LoadedSweep:
    """A sweep read from a file, with its base definition."""

    source: str
    sweep: Sweep
    base: GroupDefinition
    raw: dict[str, Any]
    """The base as plain data of an experiment, with the sweep's name and seeds."""

    @property
    def study_name(self) -> str:
        """The sweep's name and a hash; it changes with the space and with all that makes trials not comparable."""
        plain = self.sweep.model_dump(
            mode="json", exclude={"description", "experiment", "trials", "time_limit_minutes"}
        )
        return f"{self.sweep.name} {short_hash([self._plain_base, plain])[:12]}"

    @property
    def measure(self) -> str:
        """A hash of the sweep's name and all that a trial's objective values depend on besides its parameters."""
        parts = ("name", "objectives", "constraints", "seeds")
        return short_hash([self._plain_base, self.sweep.model_dump(mode="json", include=set(parts))])[:12]

    @property
    def _plain_base(self) -> dict[str, Any]:
        return _without_torch({key: value for key, value in self.raw.items() if key not in ("name", "description")})

    def by(self, base: GroupDefinition) -> "LoadedSweep":
        """Return the sweep over a base that differs in kernels, its own or its main network's, alone.

        Where the space has `kernels`, the base's own do not count.
        """
        own = () if "kernels" in self.sweep.space else ("kernels",)
        plain = base.plain
        return replace(self, base=base, raw=self.raw | {key: plain[key] for key in (*own, "policy") if key in plain})

    @property
    def by_either_kernels(self) -> "tuple[LoadedSweep, ...]":
        """The sweeps that a call may choose among, torch first."""
        return tuple(map(self.by, self.base.by_either_kernels))

    def at(self, point: Mapping[str, Value], variant: str) -> LoadedExperiment:
        """Return the experiment, with one group, of a point of the space; raises DefinitionError if it is not valid."""
        changes = values_by_path(self.sweep.space, point)
        raw = override_all(self.raw, changes.items(), lambda path, _: f"{self.source}: space.{path}")
        where = f"{self.source}: {format_point(point)}"
        definition = group_definition(raw, where)
        experiment = validated(Experiment, {**raw, "variants": {variant: {}}}, where)
        group = Group(
            variant, definition, expand(experiment.seeds), (), dict(changes), changes_label=format_point(point)
        )
        return LoadedExperiment(self.source, experiment, (group,))


def load_sweep(path: Path, overrides: tuple[str, ...] = ()) -> LoadedSweep:
    """Read a sweep file, override values of it (`trials=50`), and check it at each end of its space.

    Raises DefinitionError for the first mistake: one sentence with file, key and value.
    """
    source, settings = str(path), Overrides.parse(overrides)
    raw = settings.apply(read_yaml(path))
    if raw.get("kind") != "sweep":
        raise DefinitionError(f"{path}: this is not a sweep file (kind: sweep); start an experiment with overthink run")
    sweep = validated(Sweep, raw, source, settings)
    _, group = group_of(sweep.experiment, source, "experiment")
    base = group.definition.plain | {"schema_version": 1}
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
                        one.goal  # noqa: B018 - raises if there is none
                except ValueError as error:
                    raise DefinitionError(f"{loaded.source}: {kind}.{place}.metric: {error}") from None
    if loaded.sweep.pruner is not None and len(epochs) > 1:
        raise DefinitionError(
            f"{loaded.source}: pruner: all trials need as many epochs; the space has runs of {sorted(epochs)} epochs"
        )


def _without_torch(plain: dict[str, Any]) -> dict[str, Any]:
    """Return a base as sweeps had it before there was a choice of kernels, whose names and trials stay theirs."""
    left = {key: value for key, value in plain.items() if (key, value) != ("kernels", "torch")}
    if "policy" in left:
        left["policy"] = {**left["policy"], "of": _without_torch(left["policy"]["of"])}
    return left
