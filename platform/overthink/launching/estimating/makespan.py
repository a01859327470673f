"""How long runs take together: several at once, in their order, each after those that it needs."""

import heapq
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Work(NamedTuple):
    """A run that is to be executed."""

    key: str
    seconds: float
    needs: frozenset[str] = frozenset()
    """Keys of works that have to end before."""


def makespan(works: Sequence[Work], workers: int, load: float = 0.0) -> float:
    """Return the seconds until all works have ended, of which as many as there are workers are executed at once.

    A worker takes the first one that waits for no other one. Each worker loads data once. Needs that are not among the
    works count as there.

    >>> makespan([Work("a", 3), Work("b", 2), Work("c", 2, frozenset({"a"}))], workers=2)
    5.0
    """
    keys = {work.key for work in works}
    waiting, ended = list(works), dict[str, float]()
    free = [load] * max(1, min(workers, len(works)))
    while waiting:
        now = heapq.heappop(free)
        work = _first_ready(waiting, keys, ended, now)
        if work is None:
            heapq.heappush(free, min(end for end in ended.values() if end > now))
            continue
        waiting.remove(work)
        ended[work.key] = now + work.seconds
        heapq.heappush(free, ended[work.key])
    return max(ended.values(), default=0.0)


def _first_ready(waiting: Iterable[Work], keys: set[str], ended: dict[str, float], now: float) -> Work | None:
    def is_ready(work: Work) -> bool:
        return all(need in ended and ended[need] <= now for need in work.needs & keys)

    return next(filter(is_ready, waiting), None)
