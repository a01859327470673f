"""What came of a fault: the commands are called again, and the store is compared with an undisturbed one."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, chdir
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from safetensors.numpy import load

from faults.machine import machine
from faults.victim import DEFINITION, MACHINE
from overthink.launching.outcomes import Options
from overthink.launching.sync import deliver
from overthink.outbox.pending import has_pending
from overthink.sentences import cut
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.stored import StoredRun
from overthink.store.writer import Writer
from support.launches import Quiet, launch_inline
from support.outages import TIMED, artifacts, histories, runs_of
from support.small import small

TRIES = 4
"""How often a command is called again: a worker of a killed one may take a moment to end."""


class Verdict(NamedTuple):
    """What is wrong after a fault; nothing of it where all is well."""

    lost: str = ""
    doubled: str = ""
    differing: str = ""
    hand: str = ""
    printed: str = ""
    """What a command printed that nobody should see."""


def verdict(folder: Path, whole: Path) -> Verdict:
    """Call the command again in each working directory of a folder; compare the store with the undisturbed one."""
    uri = (folder / "uri").read_text() if (folder / "uri").exists() else f"sqlite:///{folder}/a/mlflow.db"
    printed = "".join(file.read_text(errors="replace") for file in folder.glob("*/printed-*"))
    foul = next((line for line in printed.splitlines() if "Traceback" in line or "internal error" in line), "")
    try:
        hand = _go_on(sorted(folder.glob("[ab]")), uri)
        return Verdict(hand=hand, printed=foul, **_compared(Store(uri), Store(f"sqlite:///{whole}/mlflow.db"), folder))
    except Exception as error:  # noqa: BLE001 - it is what a person would see
        return Verdict(hand=cut(f"{type(error).__name__}: {error}"), printed=foul)


def _go_on(places: Sequence[Path], uri: str) -> str:
    """Call the command again in working directories until all is finished; return what is left to do by hand."""
    for number in range(TRIES):
        left = [what for place in places if (what := _called_again(place, uri))]
        if not left:
            break
        time.sleep(number)
    return "; ".join(left)


def _called_again(place: Path, uri: str) -> str:
    """Call the command again in a working directory, on its machine; return what is left there."""
    with ExitStack() as stack:
        stack.enter_context(chdir(place))
        if (place / MACHINE).exists():
            name, clock = (place / MACHINE).read_text().split()
            stack.enter_context(machine(name, float(clock)))
        stack.enter_context(pytest.MonkeyPatch.context()).setenv("MLFLOW_TRACKING_URI", uri)
        outcomes = launch_inline(Store(uri), [small(place, **DEFINITION)], Options(), Quiet())
        deliver(store := Store(uri), Writer(store))
        if not outcomes.complete or has_pending(uri):
            runs = {outcome: [run.key for run in runs] for outcome, runs in outcomes.runs.items()}
            return f"{place.name}: {runs} {outcomes.messages} {outcomes.pending}"
        state = place / ".overthink"
        left = [
            *(state / "journals").glob("*"),
            *(state / "damaged").glob("*"),
            *place.glob(".mlflow.db.*.unfinished*"),
        ]
        return f"{place.name}: {left[0].name} is left" if left else ""


def _compared(store: Store, whole: Store, folder: Path) -> dict[str, str]:
    problems = {"lost": "", "doubled": "", "differing": ""}
    for right in runs_of(whole):
        runs = [run for run in runs_of(store) if run.run_key == right.run_key]
        counting = [run for run in runs if run.outcome == tags.FINISHED and not run.replaced_by]
        if any(run.outcome == tags.RUNNING for run in runs):
            problems["lost"] = f"seed {right.seeds_label} is still running"
        if not counting:
            problems["lost"] = f"seed {right.seeds_label}: {[run.outcome for run in runs]}"
        elif len(counting) > 1:
            problems["doubled"] = f"seed {right.seeds_label}: {[run.run_id for run in counting]}"
        else:
            problems["differing"] = problems["differing"] or next(
                _differences(store, counting[0], whole, right, folder), ""
            )
    return problems


def _differences(store: Store, run: StoredRun, whole: Store, right: StoredRun, folder: Path) -> Iterator[str]:
    mine, theirs = histories(store, run), histories(whole, right)
    for of in (mine, theirs):
        of[TIMED] = [(step, 0.0) for step, _ in of[TIMED]]
    for name in sorted({*mine, *theirs}):
        if mine.get(name) != theirs.get(name):
            yield f"{name}: {mine.get(name)} instead of {theirs.get(name)}"
    if store.client.get_run(run.run_id).data.params != whole.client.get_run(right.run_id).data.params:
        yield "parameters"
    found, expected = artifacts(store, run, folder / "mine"), artifacts(whole, right, folder / "theirs")
    if found.keys() != expected.keys():
        yield f"artifacts: {sorted(found.keys() ^ expected.keys())}"
        return
    for name in ("predictions/test.parquet", "predictions/val.parquet", "definition.json"):
        if found[name] != expected[name]:
            yield name
    weights, others = (load(of["checkpoint/checkpoint.safetensors"]) for of in (found, expected))
    if weights.keys() != others.keys() or not all(np.array_equal(weights[name], others[name]) for name in weights):
        yield "weights"
