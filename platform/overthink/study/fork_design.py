"""The design of a study of forks: trainings that share all epochs up to one, and differ in some sources from there on.

A trunk is a run of its own, with a seed of its own for every source. At each of some epochs every arm forks from it.
"""

from collections.abc import Collection, Mapping, Sequence

from overthink.seeds import FORKABLE, Seeds, Source, moving
from overthink.study.arms import ALL_SOURCES
from overthink.study.design import AT, Arms, varied_seeds

FROM = ":"
"""Between the name of an arm and the epoch that its repeats differ from: `order:10`, at base point 1 `order:10@1`."""


def check_forks(arms: Arms, sobol: Sequence[Source]) -> None:
    """Raise ValueError, naming the key, where the arms of a study cannot differ from an epoch on."""
    if sobol or not arms:
        raise ValueError("fork_at: a study of forks needs arms, and has no sobol")
    if ALL_SOURCES in arms:
        raise ValueError(f"arms.{ALL_SOURCES}: in a study of forks this arm holds the trunks; give it another name")
    for name, sources in arms.items():
        for source in sources:
            if source not in FORKABLE:
                raise ValueError(
                    f"arms.{name}: forks cannot differ in {source}, which is drawn once before the first epoch, but in "
                    f"{', '.join(FORKABLE)}"
                )


def seeds_of_forks(arms: Arms, repeats: int, trunks: int, epochs: Sequence[int]) -> dict[str, tuple[Seeds, ...]]:
    """Return the seeds of each arm's repeats at each epoch and trunk, and of the trunks as the arm `all`.

    Trunk b has seed b in every stream, and is repeat 0 of every arm there. From the epoch on, repeat r has the seeds
    that it has in a study without forks; from epoch 0 on that is an ordinary run. An arm that varies nothing but
    `repeat` is a control, and stays at trunk 0. There is no arm `all` of a single trunk.

    >>> arms = seeds_of_forks({"order": ("order",)}, repeats=2, trunks=2, epochs=(0, 5))
    >>> {name: [seeds.label for seeds in arm] for name, arm in arms.items() if name.startswith("order:5")}
    {'order:5': ['0', '0-fork5-order1000'], 'order:5@1': ['1', '1-fork5-order1001']}
    """
    all_trunks = tuple(Seeds.same(point) for point in range(trunks))
    found = {ALL_SOURCES: all_trunks} if trunks > 1 else {}
    for point, trunk in enumerate(all_trunks):
        for name, sources in arms.items():
            if point and not moving(sources):
                continue
            own = [varied_seeds(sources, vars(trunk), repeat, point, trunks) for repeat in range(1, repeats)]
            for epoch in epochs:
                forks = [trunk.forked(epoch, one) if epoch else trunk.model_copy(update=one) for one in own]
                found[arm_name(name, epoch, point)] = (trunk, *forks)
    return found


def arm_name(name: str, epoch: int, point: int) -> str:
    """Return the name of an arm that differs from an epoch on, at a base point."""
    return f"{name}{f'{FROM}{epoch}' if epoch else ''}{f'{AT}{point}' if point else ''}"


def fork_epoch_of(arm: str) -> int:
    """Return the epoch from which on the repeats of an arm differ, by the arm's name.

    >>> fork_epoch_of("order"), fork_epoch_of("order:10@2")
    (0, 10)
    """
    _, _, number = arm.partition(AT)[0].partition(FROM)
    return int(number) if number.isdecimal() else 0


def fork_name_of(arm: str, arms: Collection[str]) -> str | None:
    """Return the name that an arm of forks has at every epoch and base point; None of `all`, and without forks.

    >>> fork_name_of("order:10@2", ["all", "order", "order:10@2"]), fork_name_of("all", ["all", "order:10"])
    ('order', None)
    """
    name = arm.partition(AT)[0].partition(FROM)[0]
    return None if name == ALL_SOURCES or not any(map(fork_epoch_of, arms)) else name


def arms_from_start(arms: Mapping[str, Sequence[Seeds]]) -> dict[str, Sequence[Seeds]]:
    """Return the arms whose repeats differ from the first epoch on."""
    return {name: seeds for name, seeds in arms.items() if not fork_epoch_of(name)}
