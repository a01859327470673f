"""Which runs are observations of their own: runs that repeat one training are one, however many there are."""

from collections.abc import Iterable, Sequence

from overthink.seeds import STREAMS, Seeds, sources_of
from overthink.store.stored import StoredRun

MAIN_NETWORK = "main"
"""What policy networks can have in common besides streams of seeds."""


def by_training(runs: Iterable[StoredRun]) -> list[list[StoredRun]]:
    """Return runs by what they train, the lowest repeat first.

    Runs of one group whose seeds are equal but for `repeat` are equal by construction: one observation.
    """
    trainings: dict[object, list[StoredRun]] = {}
    for run in runs:
        trainings.setdefault(_training_of(run), []).append(run)
    return [sorted(alike, key=lambda run: [one.repeat for one in run.seeds]) for alike in trainings.values()]


def count_trainings(groups: Iterable[StoredRun], runs: Iterable[StoredRun]) -> int:
    """Return how many different trainings groups ask for, together with those of the runs."""
    asked = {(group.group_key, seeds.without_repeat) for group in groups for seeds in group.seeds}
    return len(asked | {_training_of(run) for run in runs})


def _training_of(run: StoredRun) -> object:
    if len(run.seeds) != 1:  # unreadable: nothing says that it repeats another one
        return run.run_key or run.run_id
    return run.group_key, run.seeds[0].without_repeat


def held_fixed(runs: Sequence[StoredRun]) -> tuple[str, ...]:
    """Return what does not vary between runs of different seeds, so that no interval over them covers it.

    Streams of random numbers, and `main` where policy networks choose the exits of one network. Nothing for one run.
    """
    mains = {run.main.key if run.main else "" for run in runs}
    main = (MAIN_NETWORK,) if len(runs) > 1 and len(mains) == 1 and mains != {""} else ()
    return *fixed_streams([one for run in runs for one in run.seeds]), *main


def fixed_streams(seeds: Sequence[Seeds]) -> tuple[str, ...]:
    """Return the streams of random numbers in which the seeds of several runs do not differ."""
    varied = sources_of(seeds)
    return tuple(stream for stream in STREAMS if stream not in varied) if len(seeds) > 1 else ()
