"""The best trials of a sweep as a definition file, ready to run with new seeds."""

from collections.abc import Sequence
from typing import Any

from overthink.definition.yaml_core import dump_yaml
from overthink.seeds import STREAMS, SeedStreams, replace_free
from overthink.sweep.definition import LoadedSweep
from overthink.sweep.results import TrialResult
from overthink.sweep.space import corners, values_by_path


def fresh_seeds(loaded: LoadedSweep, count: int) -> tuple[int, ...]:
    """Return seeds above all seeds that the sweep has used."""
    groups = (loaded.at(point, "trial-0").groups[0] for point in corners(loaded.sweep.space))
    used = [getattr(seeds, stream) for group in groups for seeds in group.seeds for stream in STREAMS]
    first = max(used, default=-1) + 1
    return tuple(range(first, first + count))


def best_definition(loaded: LoadedSweep, best: Sequence[TrialResult], seeds: int = 5) -> dict[str, Any]:
    """Return an experiment with a variant for each of the best trials, as plain data."""
    variants: dict[str, dict[str, Any]] = {}
    for trial in best:
        group = loaded.at(trial.point, f"trial-{trial.number}").groups[0]
        tried = values_by_path(loaded.sweep.space, trial.point)
        variants[group.variant] = {path: value for path, value in tried.items() if not path.startswith("seeds.")}
    numbers = [str(trial.number) for trial in best]
    described = f"The best of sweep {loaded.sweep.name} (trial {', '.join(numbers)}), with seeds not used in the sweep."
    base = {key: value for key, value in loaded.raw.items() if key not in ("name", "description", "seeds")}
    fresh = replace_free(_plan(loaded, best), fresh_seeds(loaded, seeds))
    plan: Any = list(fresh) if isinstance(fresh, tuple) else fresh.model_dump(mode="json", exclude_none=True)
    name = f"{loaded.sweep.name}-best"
    return {**base, "name": name, "description": described, "seeds": plan, "variants": variants}


def as_yaml(definition: dict[str, Any], source: str) -> str:
    """Return a definition as the text of a file."""
    head = f"# The best of {source}, ready to run: overthink run FILE\n"
    return head + dump_yaml(definition)


def _plan(loaded: LoadedSweep, best: Sequence[TrialResult]) -> Any:
    """Return the seeds that the best trial was trained with; the streams that it fixes stay fixed."""
    return loaded.at(best[0].point, "trial-0").experiment.seeds if best else SeedStreams()
