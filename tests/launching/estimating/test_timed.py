"""Steps are timed once for each machine, version of the code, number of runs at once, network and phase."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from overthink.launching.estimating import timed
from overthink.launching.outcomes import Options
from overthink.launching.plan import plan
from overthink.launching.planned_run import PlannedRun
from overthink.running.pace import Pace, PhaseOfRun
from overthink.store.client import Store
from support.command import overthink
from support.small import definition, small

PACE = Pace(2.0, 5.0, 0.01, 3.0, {"train": 320, "val": 80, "test": 80}, 10, 20, 30)


class Clock:
    """In the place of processes: it counts what is timed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[PhaseOfRun] = []
        self.messages: list[str] = []
        monkeypatch.setattr(timed, "start_process", self.started)
        monkeypatch.setattr(timed, "_measured", self.measured)

    def started(self, target: Any, log: Path) -> tuple[Any, Any]:
        return self, self

    def kill(self) -> None: ...

    def join(self) -> None: ...

    def close(self) -> None: ...

    def measured(self, pipes: Sequence[Any], phase: PhaseOfRun, options: Options) -> Pace:
        self.asked.append(phase)
        if phase.run.network.blocks == 4:
            raise ValueError("no steps could be timed: no room")
        return PACE

    def count(self, runs: Sequence[PlannedRun], at_once: int = 1, **options: Any) -> int:
        before = len(self.asked)
        found = timed.timed(runs, Options(**options), at_once, self.messages.append)
        assert found == ({one.key: PACE for run in runs for one in timed.phases_of(run)}, [])
        return len(self.asked) - before


def test_once_for_what_decides(tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)

    def planned(**changes: Any) -> list[PlannedRun]:
        return plan(store, [small(tmp_path, **changes)], dry=True)

    frozen = {"epochs": 2, "freeze": "backbone"}
    assert clock.count(planned()) == 1, "two seeds have one phase"
    assert clock.count(planned(seeds=5, regime=[{"epochs": 9, "lr": 0.3, "drops": [4]}])) == 0, "of another length"
    assert clock.count(planned(regime=[{"epochs": 3}, {"epochs": 9}, frozen])) == 1, "the second is like the first"
    assert clock.count(planned(), at_once=2) == 1
    assert clock.count(planned(regime=[{"epochs": 3, "batch_size": 32}])) == 1
    assert clock.count(planned(threads=2)) == 1
    attached = {"epochs": 1, "attach": {"kind": "isc"}, "loss": {"kind": "ofa"}}
    assert clock.count(planned(regime=[{"epochs": 3}, attached, {"epochs": 3}])) == 2, "after an attachment, another"
    assert clock.messages[0] == "Timing a few steps of 1 phase on this machine."
    assert "Timing a few steps of 1 phase on this machine, 2 at once." in clock.messages
    monkeypatch.setattr(timed, "machine", lambda device: {"processor": "another one"})
    assert clock.count(planned()) == 1
    monkeypatch.setattr(timed, "code_of", lambda *_: {"source_sha256": "another one"})
    assert clock.count(planned()) == 1
    kept = list((tmp_path / "cache" / "overthink" / "estimates").iterdir())
    assert len(kept) == len(clock.asked)
    for file in kept:
        file.write_text("damaged")
    assert clock.count(planned()) == 1


def test_what_keeps_steps_from_being_timed_is_a_sentence(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    larger = plan(store, [small(tmp_path, network={"kind": "msdnet", "blocks": 4, "channels": 4})], dry=True)
    for _ in range(2):  # that is not kept
        found = timed.timed(larger, Options(), 1, clock.messages.append)
        assert found == ({}, ["no steps could be timed: no room"])
    assert len(clock.asked) == 2


@pytest.mark.process
def test_the_command_times_steps_and_keeps_what_it_found(tmp_path: Path) -> None:
    definition(tmp_path)
    options = "run", "small.yaml", "--dry-run", "--estimate", "--jobs", "2", "--kernels", "torch"
    first, second = (overthink(tmp_path, *options) for _ in range(2))
    assert first.returncode == second.returncode == 0
    said = " ".join(first.stderr.split())
    assert "Timing a few steps of 1 phase on this machine, 2 at once." in said
    assert "for 2 runs with 2 jobs, by steps timed on this machine. About " in said
    assert " in the store, and " in said
    assert "2 of 2 runs would be trained. Nothing was done (--dry-run)." in said
    assert not (tmp_path / "mlflow.db").exists()
    assert "Timing" not in second.stderr
    refused = overthink(tmp_path, "run", "small.yaml", "--estimate", "--engine", "ray")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "--estimate: it times steps on this machine" in " ".join(refused.stderr.split())


@pytest.mark.parametrize("error", [EOFError(), BrokenPipeError(32, "Broken pipe"), ConnectionResetError(104, "reset")])
def test_a_process_that_is_killed_while_steps_are_timed(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def killed(*_: object) -> Pace:
        raise error

    Clock(monkeypatch)
    monkeypatch.setattr(timed, "_measured", killed)
    found = timed.timed(plan(store, [small(tmp_path)], dry=True), Options(), 1, print)
    assert found == ({}, ["a process that timed steps ended unexpectedly"])
