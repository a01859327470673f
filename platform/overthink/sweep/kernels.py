"""The kernels of a sweep: the same for all its trials, which are compared with each other."""

from optuna.storages import RDBStorage

from overthink.definition.run_definition import KERNELS, Kernels
from overthink.launching.kernels_choice import Candidate, KernelsChoice
from overthink.store import tags
from overthink.sweep.definition import LoadedSweep
from overthink.sweep.results import results_of
from overthink.sweep.space import corners
from overthink.sweep.study import existing


def as_begun(loaded: LoadedSweep, storage: RDBStorage) -> LoadedSweep:
    """Return a sweep with the kernels that its trials were made with: torch's, if both; as it is where it has none."""
    return next((one for one in loaded.by_either_kernels if _is_begun(one, storage)), loaded)


def with_kernels(loaded: LoadedSweep, storage: RDBStorage | None, choice: KernelsChoice) -> LoadedSweep:
    """Return a sweep with its kernels, and its main network's, written out: those it was begun with, or new ones.

    Native ones need to be able to train each end of its space. Raises ValueError as `KernelsChoice` does.
    """
    if loaded.base.policy is not None and (loaded.sweep.trains or loaded.sweep.needs_labels):
        (main,) = choice.main_networks(loaded.at(next(corners(loaded.sweep.space)), "trial-0"))
        loaded = loaded.by(loaded.base.with_main(main))
    if loaded.sweep.trains and "kernels" not in loaded.sweep.space:
        loaded = loaded.by(loaded.base.by(choice.choose(_candidates(loaded, storage))))
    choice.give_reasons()
    return loaded


def _candidates(loaded: LoadedSweep, storage: RDBStorage | None) -> list[Candidate]:
    by = {kernels: loaded.by(loaded.base.by(kernels)) for kernels in KERNELS}
    there = frozenset[Kernels](kernels for kernels, one in by.items() if _is_begun(one, storage))
    to_do = frozenset[Kernels](kernels for kernels, one in by.items() if _has_work(one, storage))
    groups = (loaded.at(point, "trial-0").groups[0] for point in corners(loaded.sweep.space))
    return [Candidate(loaded.sweep.name, group.definition, there, to_do) for group in groups]


def _is_begun(loaded: LoadedSweep, storage: RDBStorage | None) -> bool:
    study = existing(storage, loaded)
    return study is not None and bool(results_of(loaded, study).trials)


def _has_work(loaded: LoadedSweep, storage: RDBStorage | None) -> bool:
    study = existing(storage, loaded)
    counts = results_of(loaded, study).counts if study is not None else {}
    return tags.RUNNING in counts or sum(counts.values()) < loaded.sweep.wanted
