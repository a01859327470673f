"""Runs together take as long as they take in their order on so many workers, each after those that it needs."""

import numpy as np
import pytest

from overthink.launching.estimating.makespan import Work, makespan


def test_by_hand() -> None:
    """Two workers: a until 3; b until 2, then d until 6, since c needs a; c from 3 to 4."""
    works = [Work("a", 3), Work("b", 2), Work("c", 1, frozenset({"a", "elsewhere"})), Work("d", 4)]
    assert makespan(works, workers=2) == 6
    assert makespan(works, workers=1) == 10
    assert makespan(works, workers=1, load=5) == 15
    assert makespan(works, workers=9, load=5) == 5 + 4
    assert makespan([], workers=2) == 0


def by_ticks(works: list[Work], workers: int) -> int:
    """Execute works of whole seconds second by second."""
    waiting, running, done, now = list(works), dict[str, int](), set[str](), 0
    while waiting or running:
        for work in [one for one in waiting if one.needs <= done]:
            if len(running) < workers:
                running[work.key] = now + int(work.seconds)
                waiting.remove(work)
        now += 1
        done |= {key for key, end in running.items() if end == now}
        running = {key: end for key, end in running.items() if end > now}
    return now


@pytest.mark.parametrize("seed", range(20))
def test_like_executing_them_second_by_second(seed: int) -> None:
    drawn = np.random.default_rng(seed)
    works = [
        Work(str(i), int(drawn.integers(1, 9)), frozenset(str(need) for need in range(i) if drawn.random() < 0.2))
        for i in range(12)
    ]
    workers = int(drawn.integers(1, 5))
    assert makespan(works, workers) == by_ticks(works, workers)
