"""A fuzz run in several processes: `python -m fuzz definitions --count 10000 --seed 0`.

The exit code is 1 where a trial did not end as it should.
"""

import argparse
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from fuzz import definitions, stores
from fuzz.trial import Trial


class Part(NamedTuple):
    """One kind of fuzz run."""

    prepare: Callable[[], None]
    """Called once in each process."""
    trial: Callable[[int, int, Path], Trial]
    """A trial of a seed and a number, in a folder of its own."""
    keeps: bool
    """Whether the folder of a trial with a problem is kept; those of damaged stores hold pipes, devices, terabytes."""


PARTS = {
    "definitions": Part(definitions.prepare, definitions.trial, keeps=True),
    "stores": Part(stores.prepare, stores.trial, keeps=False),
}


def main() -> int:
    """Run the trials of a part, print what they came to, and keep the folders of those with a problem."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first trial; with --count 1, to repeat one")
    parser.add_argument("--keep", type=Path, default=Path("fuzz-problems"), help="folder for what had a problem")
    given = parser.parse_args()
    numbers = range(given.first, given.first + given.count)
    trials = []
    for done in _done(given.part, given.seed, given.keep, numbers):
        trials.append(done)
        if done.problem:
            print(f"trial {done.number}: {done.problem}: {done.command}: {done.message[:300]}", flush=True)  # noqa: T201
    print(_summary(given.part, given.seed, trials))  # noqa: T201
    return int(any(done.problem for done in trials))


def _done(part: str, seed: int, keep: Path, numbers: Iterable[int]) -> Iterator[Trial]:
    """Yield trials as they end; one whose process dies is a problem, and the others go on in new processes."""
    left = list(numbers)
    while left:
        with TemporaryDirectory() as begun:
            pool = ProcessPoolExecutor(os.cpu_count(), get_context("spawn"), initializer=PARTS[part].prepare)
            with pool, suppress(BrokenProcessPool):
                of = {pool.submit(_one, part, seed, keep, Path(begun), number): number for number in left}
                for future in as_completed(of):
                    yield future.result()
                    left.remove(of[future])
            for number in sorted({int(name) for name in os.listdir(begun)} & set(left)):
                yield from _alone(part, seed, keep, number)
                left.remove(number)


def _alone(part: str, seed: int, keep: Path, number: int) -> Iterator[Trial]:
    """Yield one trial in a process of its own, as a problem where the process dies again."""
    with TemporaryDirectory() as begun:
        pool = ProcessPoolExecutor(1, get_context("spawn"), initializer=PARTS[part].prepare)
        with pool:
            try:
                yield pool.submit(_one, part, seed, keep, Path(begun), number).result()
            except BrokenProcessPool:
                yield Trial(number, "", -1, "", 0.0, 0, "the process died")


def _one(part: str, seed: int, keep: Path, begun: Path, number: int) -> Trial:
    (begun / str(number)).touch()
    with TemporaryDirectory() as folder:
        done = PARTS[part].trial(seed, number, Path(folder))
        if done.problem and PARTS[part].keeps:
            shutil.copytree(folder, keep / f"{part}-{seed}-{number}", dirs_exist_ok=True)
    (begun / str(number)).unlink()
    return done


def _summary(part: str, seed: int, trials: list[Trial]) -> str:
    codes = ", ".join(
        f"{count} with exit code {code}" for code, count in sorted(Counter(t.code for t in trials).items())
    )
    longest = max((len(done.message) for done in trials if done.code), default=0)
    slowest = max(trials, key=lambda done: done.seconds)
    return (
        f"{part}, seed {seed}: {len(trials)} trials, {sum(bool(done.problem) for done in trials)} problems; {codes}; "
        f"longest error message {longest} characters; slowest {slowest.seconds:.1f} s (trial {slowest.number}); "
        f"memory at most {max(done.memory for done in trials) / 1e6:.0f} MB"
    )
