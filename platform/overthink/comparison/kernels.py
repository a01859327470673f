"""What computed the runs behind a number: their kernels, and the instruction set of the processor.

Runs of one group differ in their seeds alone only where that is the same: either changes the last bits of a result.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from overthink.store.stored import StoredRun


def computed_by(runs: Iterable[StoredRun]) -> dict[str, tuple[str, ...]]:
    """Return what computed runs -> the labels of their seeds: `{"native (x86-64-v4)": ("0", "1")}`.

    An instruction set that is not logged, as of runs of earlier versions, counts as the one that others have.
    """
    by_kernels: dict[str, list[StoredRun]] = {}
    for run in (run for run in runs if run.kernels):
        by_kernels.setdefault(run.kernels, []).append(run)
    found: dict[str, list[str]] = {}
    for kernels, those in by_kernels.items():
        sets = dict.fromkeys(run.instruction_set for run in those if run.instruction_set)
        for run in those:
            known = next(iter(sets), "") if len(sets) < 2 else run.instruction_set or "not logged"
            found.setdefault(f"{kernels} ({known})" if known else kernels, []).append(run.seeds_label)
    return {name: tuple(seeds) for name, seeds in found.items()}


def different_kernels(name: str, made: Mapping[str, Sequence[str]]) -> str:
    """Return a warning that a mean is over runs that were computed differently; empty where they were not."""
    if len(made) < 2:
        return ""
    each = "; ".join(f"seed {', '.join(seeds)} by {kernels}" for kernels, seeds in made.items())
    return (
        f"DIFFERENT KERNELS in {name}: {each} (what computed a run, and its instruction set). Its numbers are not "
        "means over seeds alone."
    )


def named_apart(runs: Sequence[StoredRun]) -> list[StoredRun]:
    """Return runs and groups; where some of one name were computed by other kernels, the names of both say by which."""
    by_name: dict[str, set[str]] = {}
    for run in runs:
        by_name.setdefault(run.name, set()).add(run.kernels)
    several = {name for name, kernels in by_name.items() if len(kernels) > 1}
    return [replace(run, name=f"{run.name} [kernels={run.kernels}]") if run.name in several else run for run in runs]
