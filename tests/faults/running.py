"""Kills and races in several processes: `python -m faults --kills 20 --races 13 --seed 0`, so many of each kind.

Prints a table of kinds; the exit code is 1 where anything went wrong. The folders of those trials are kept.
"""

import argparse
import os
import random
import shutil
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pytest

from faults.kills import KILLS
from faults.races import RACES
from faults.verdict import Verdict, verdict
from faults.victim import DEFINITION, warm_up
from overthink.launching.launch import launch
from overthink.launching.outcomes import Options
from overthink.outbox.sender import OutboxSender
from overthink.store.client import Store
from support.engines import InlineEngine
from support.launches import Quiet
from support.small import small

KINDS = KILLS | RACES
COLUMNS = ("lost", "doubled", "differing", "hand", "printed")


class Trial(NamedTuple):
    """One fault; kind, number and seed repeat it."""

    kind: str
    number: int
    verdict: Verdict
    seconds: float


def main() -> int:
    """Run the trials, print what they came to, and keep the folders of those with a problem."""
    parser = argparse.ArgumentParser(prog="python -m faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="of each kind")
    parser.add_argument("--races", type=int, default=13, help="of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", choices=KINDS, help="this kind alone")
    parser.add_argument("--first", type=int, default=0, help="number of the first trial of each kind")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--keep", type=Path, default=Path("fault-problems"), help="folder for what had a problem")
    given = parser.parse_args()
    with TemporaryDirectory() as temporary:
        made = Path(temporary)
        prepare(made)
        counts = {kind: given.kills if kind in KILLS else given.races for kind in KINDS}
        wanted = [
            (kind, given.first + number)
            for number in range(max(counts.values()))
            for kind in KINDS
            if number < counts[kind] and given.kind in (None, kind)
        ]
        trials = []
        context = get_context("spawn")
        with ProcessPoolExecutor(given.jobs, context, initializer=warm_up) as pool:
            for done in pool.map(partial(_one, made, given.seed, given.keep.absolute()), wanted):
                trials.append(done)
                if len(trials) % 20 == 0:
                    _print(f"{len(trials)} of {len(wanted)} trials")
                if any(done.verdict):
                    _print(f"{done.kind}, trial {done.number}: {_problem(done.verdict)}")
    _print(table(trials))
    return int(any(any(done.verdict) for done in trials))


def prepare(made: Path) -> None:
    """Make what all trials begin with: an empty store, the undisturbed runs, and runs that are finished and queued."""
    Store(f"sqlite:///{made}/empty.db")
    for name in ("whole", "queued"):
        (made / name).mkdir()
        shutil.copy(made / "empty.db", made / name / "mlflow.db")
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(made / name)
            if name == "queued":
                patch.setattr(OutboxSender, "_round", lambda _: None)
                patch.setenv("OVERTHINK_PATIENCE", "0")
            launch(
                Store(f"sqlite:///{made / name}/mlflow.db"),
                [small(made / name, **DEFINITION)],
                Options(),
                Quiet(),
                InlineEngine(),
            )


def trial(made: Path, seed: int, kind: str, number: int, folder: Path) -> Trial:
    """Harm commands in a folder as chance has it, call them again, and compare."""
    started = time.monotonic()
    chance = random.Random(f"{seed} {kind} {number}")
    end = KINDS[kind](chance, folder, made)
    try:
        return Trial(kind, number, verdict(folder, made / "whole"), time.monotonic() - started)
    finally:
        if end is not None:
            end()


def _one(made: Path, seed: int, keep: Path, wanted: tuple[str, int]) -> Trial:
    kind, number = wanted
    with TemporaryDirectory() as temporary:
        folder = Path(temporary) / "trial"
        folder.mkdir()
        try:
            done = trial(made, seed, kind, number, folder)
        except Exception as error:  # noqa: BLE001 - a trial that could not be made is one with a problem
            done = Trial(kind, number, Verdict(hand=f"no trial: {type(error).__name__}: {error}"), 0.0)
        if any(done.verdict):
            shutil.copytree(folder, keep / f"{kind.replace(' ', '-')}-{seed}-{number}", dirs_exist_ok=True)
    return done


def table(trials: list[Trial]) -> str:
    """Return the table of what came of the trials, in Markdown."""
    lines = [
        "| kind | tried | ended cleanly | lost | doubled | differing | needs a hand | printed |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for kind in KINDS:
        of_kind = [done.verdict for done in trials if done.kind == kind]
        clean = sum(not any(of) for of in of_kind)
        counts = [sum(bool(getattr(of, column)) for of in of_kind) for column in COLUMNS]
        lines.append(f"| {kind} | {len(of_kind)} | {clean} | {' | '.join(map(str, counts))} |")
    clean = sum(not any(done.verdict) for done in trials)
    slowest = max(trials, key=lambda done: done.seconds)
    lines.append(f"\n{len(trials)} trials, {clean} ended cleanly; slowest {slowest.seconds:.0f} s ({slowest.kind}).")
    return "\n".join(lines)


def _problem(found: Verdict) -> str:
    return "; ".join(f"{column}: {text}" for column, text in found._asdict().items() if text)


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
