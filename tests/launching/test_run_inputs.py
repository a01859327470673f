"""What is in a run's folder before its worker starts."""

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from overthink.launching.plan import plan
from overthink.launching.planned_run import run_folder
from overthink.launching.recording.run_inputs import RunInputs
from overthink.store.client import Store
from overthink.store.liveness import RunProcess, alive_tags
from overthink.training.regime import OWN_CHECKPOINT
from support.small import small
from support.stored_runs import raw


@pytest.mark.parametrize("here", [True, False])
def test_a_forced_runs_own_checkpoint_is_told_from_an_earlier_one_whatever_the_clock(
    store: Store, tmp_path: Path, here: bool
) -> None:
    """The clock was set back while the forced run was trained here, or --force has restarted the run elsewhere."""
    process = RunProcess.of(alive_tags()) if here else RunProcess("elsewhere", "1@1", 0)
    stored = replace(raw("0", started_ms=int(time.time() * 1000)).parsed(), forced=True, process=process)
    run = replace(plan(store, [small(tmp_path, seeds=1)], dry=True)[0], stored=stored)
    folder = run_folder(run.key)
    folder.mkdir(parents=True)
    (folder / OWN_CHECKPOINT).write_bytes(b"hours of training")
    os.utime(folder / OWN_CHECKPOINT, (0, time.time() - 86400))
    RunInputs(store)._checkpoint(run, folder)
    assert (folder / OWN_CHECKPOINT).exists() == here
