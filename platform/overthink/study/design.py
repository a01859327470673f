"""The design of a study: its arms, its base points, and the seeds of the runs that these come to.

A base point is a run around which sources of randomness are varied: at each, an arm has a block of repeats that differ
in the arm's sources and have the base point's seeds for all others. Base points differ in all sources of the arm `all`.
"""

import json
from collections.abc import Mapping, Sequence
from itertools import chain

from overthink.seeds import LONGEST_LABELS, STREAMS, Seeds, Source, joined, moving
from overthink.study.arms import ALL_SOURCES

Arms = Mapping[str, tuple[Source, ...]]
"""Name of an arm of a study -> the sources of randomness that vary between its repeats."""
MOST_REPEATS = 1000
"""Of an arm; also base points of a study."""
COUNTED = ("kernel", "repeat")
"""Sources whose seed is a number of threads (by torch's kernels on a CPU), or of a repeat, and must stay small."""
AT = "@"
"""Between the name of an arm and the number of a base point, the first left out: `init`, `init@1`, `init@2`."""


def sobol_arms(sources: Sequence[Source]) -> dict[str, tuple[Source, ...]]:
    """Return the arms that first-order and total shares need: all sources, each alone, and all but each; none of none.

    >>> list(sobol_arms(("init", "order", "augment")))
    ['all', 'init', 'order', 'augment', 'all-but-init', 'all-but-order', 'all-but-augment']
    """
    arms: dict[str, tuple[Source, ...]] = {ALL_SOURCES: tuple(sources)} if sources else {}
    arms |= {source: (source,) for source in sources}
    if len(sources) > 2:  # all but one of two is the other one alone
        arms |= {f"all-but-{left}": tuple(other for other in sources if other != left) for left in sources}
    return arms


def seeds_of_arms(arms: Arms, repeats: int, base_points: int = 1) -> dict[str, tuple[Seeds, ...]]:
    """Return the seeds of each arm's repeats, with an arm for each base point: `init`, `init@1`, `init@2`.

    Base point b has seed b, and is repeat 0 of every arm there. Repeat r has another seed for what varies: r around a
    single base point; 1000 r + b where there are several, so that no two base points have a seed in common and what
    they show is independent. More repeats or base points then change no seed. (`kernel` may be a number of threads, so
    it is b + r.)

    The runs of an arm that varies all in which base points differ are the base points, and more where there are more
    repeats. An arm that varies nothing but `repeat` is a control, and stays at base point 0.

    >>> arms = seeds_of_arms({"all": STREAMS, "init": ("init",)}, repeats=2, base_points=2)
    >>> [seeds.label for seeds in arms["all"]], [seeds.label for seeds in arms["init@1"]]
    (['0', '1'], ['1', 'split1-init1001-order1-augment1'])
    """
    differ = moving(arms.get(ALL_SOURCES, chain.from_iterable(arms.values())))
    found: dict[str, tuple[Seeds, ...]] = {}
    for point in range(base_points):
        base: dict[str, int] = {**dict.fromkeys(STREAMS, 0), **dict.fromkeys(differ, point)}
        for name, sources in arms.items():
            if differ <= {*sources}:
                runs = range(max(repeats, base_points))
                found.setdefault(name, tuple(Seeds.model_validate(base | dict.fromkeys(sources, run)) for run in runs))
            elif point == 0 or moving(sources):
                seeds = tuple(
                    Seeds.model_validate(base | varied_seeds(sources, base, repeat, point, base_points))
                    for repeat in range(repeats)
                )
                found[f"{name}{AT}{point}" if point else name] = seeds
    return found


def varied_seeds(
    sources: Sequence[Source], base: Mapping[str, int], repeat: int, point: int, points: int
) -> dict[str, int]:
    """Return the seeds of what varies at a repeat of a base point."""
    if repeat == 0:
        return {}
    seed = repeat if points == 1 else MOST_REPEATS * repeat + point
    return {one: base.get(one, 0) + repeat if one in COUNTED else seed for one in sources}


def base_point_of(arm: str) -> int:
    """Return the number of the base point of an arm, by the arm's name.

    >>> base_point_of("init"), base_point_of("init@2")
    (0, 2)
    """
    _, _, number = arm.partition(AT)
    return int(number) if number.isdecimal() else 0


def arms_text(arms: Mapping[str, Sequence[Seeds]]) -> str:
    """Return the seeds of arms as JSON, as a store has them. Raises ValueError where that is too long for a store."""
    text = json.dumps({name: joined(seeds.label for seeds in arm) for name, arm in arms.items()})
    if len(text) > LONGEST_LABELS:
        networks = len({seeds for arm in arms.values() for seeds in arm})
        raise ValueError(f"a study of {networks} networks is too large for one group; use fewer base points or repeats")
    return text
