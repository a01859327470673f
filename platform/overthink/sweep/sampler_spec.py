"""Settings of samplers and pruners in a sweep file. It imports no Optuna, so that sweeps load without it."""

from typing import Annotated, Literal

from pydantic import Field

from overthink.seeds import Seed
from overthink.spec import Spec

Count = Annotated[int, Field(ge=0, le=100_000)]


class SamplerSpec(Spec):
    """The sampler and its seed."""

    kind: Literal["tpe", "gp", "cma-es", "random", "grid", "quasi-random"] = "tpe"
    seed: Seed = 0
    startup_trials: Count = 10
    """Random trials before tpe, gp and cma-es use the results of earlier trials."""


class PrunerSpec(Spec):
    """The pruner and its settings."""

    kind: Literal["median", "percentile", "halving", "hyperband"]
    startup_trials: Count = 4
    """median, percentile: number of first trials that are never pruned."""
    warmup_epochs: Count = 0
    """median, percentile: number of first epochs after which no trial is pruned."""
    percentile: Annotated[float, Field(gt=0, lt=100)] = 25.0
    """percentile: trials that are kept, in percent."""
    reduction: Annotated[int, Field(ge=2, le=100)] = 3
    """halving, hyperband: one in so many trials continues at each rung."""
