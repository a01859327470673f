import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import psutil
import pytest

from overthink.execution import local
from overthink.execution.jobs import Job, Message
from overthink.execution.local import LocalEngine
from overthink.running.events import Died, Finished, Started
from support.engines import obedient
from support.engines import obedient_job as job

pytestmark = pytest.mark.process


@pytest.fixture(autouse=True, params=["fork", "spawn"])
def start_method(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers are forked where the platform can, and fresh processes elsewhere."""
    monkeypatch.setattr(local, "CAN_FORK", request.param == "fork")


def engine(folder: Path, workers: int, tick_seconds: float = 60.0) -> LocalEngine:
    return LocalEngine(workers, folder / "logs", tick_seconds, obedient)


def messages_of(running: Iterable[Message | None]) -> list[Message]:
    return [message for message in running if message is not None]


def pids(messages: Iterable[Message | None]) -> set[int]:
    return {int(message.event.dataset) for message in messages if message and isinstance(message.event, Started)}


def test_every_job_is_done_once_and_workers_are_used_again(tmp_path: Path) -> None:
    running = engine(tmp_path, 2)
    messages = messages_of(running.execute([job(str(number)) for number in range(6)]))
    assert sorted(message.job.name for message in messages if message.event == Finished()) == list("012345")
    assert len(pids(messages)) == 2
    again = messages_of(running.execute([job("6")]))
    assert pids(again) < pids(messages)
    running.close()
    assert not [pid for pid in pids(messages) if psutil.pid_exists(pid)]


def test_jobs_run_in_parallel(tmp_path: Path) -> None:
    running = engine(tmp_path, 2)
    kinds = [type(message.event) for message in messages_of(running.execute([job("a", sleep=2), job("b", sleep=2)]))]
    assert kinds == [Started, Started, Finished, Finished]
    running.close()


def test_a_killed_worker_ends_its_job_alone(tmp_path: Path) -> None:
    running = engine(tmp_path, 1)
    messages = messages_of(running.execute([job("a", "die"), job("b")]))
    last = {message.job.name: message.event for message in messages}
    message = "worker process was killed by signal 9: last words; rerun the command to resume"
    assert last == {"a": Died(message), "b": Finished()}
    running.close()


def test_a_worker_that_died_while_it_was_idle_is_replaced(tmp_path: Path) -> None:
    running = engine(tmp_path, 1)
    (first,) = pids(messages_of(running.execute([job("a")])))
    psutil.Process(first).kill()
    psutil.wait_procs([psutil.Process(first)] if psutil.pid_exists(first) else [], timeout=5)
    messages = messages_of(running.execute([job("b")]))
    assert messages[-1].event == Finished()
    assert first not in pids(messages)
    running.close()


def test_a_stopped_job_ends_alone(tmp_path: Path) -> None:
    running = engine(tmp_path, 2)
    last = {}
    for message in messages_of_live(running, [job("a", sleep=60), job("b")]):
        last[message.job.name] = type(message.event)
        if message.job.name == "a" and last["a"] is Started:
            running.stop("a")
    assert last == {"a": Died, "b": Finished}
    running.close()


def messages_of_live(running: LocalEngine, jobs: list[Job]) -> Iterable[Message]:
    return (message for message in running.execute(jobs) if message is not None)


def test_leaving_early_ends_the_processes(tmp_path: Path) -> None:
    running = engine(tmp_path, 2).execute([job("a", sleep=60), job("b", sleep=60)])
    begun = pids([next(running), next(running)])
    running.close()
    assert len(begun) == 2
    time.sleep(0.1)
    assert not [pid for pid in begun if psutil.pid_exists(pid)]


def test_no_jobs_are_no_work(tmp_path: Path) -> None:
    assert list(engine(tmp_path, 2).execute([])) == []


def test_a_job_may_follow_from_another(tmp_path: Path) -> None:
    running, ended = engine(tmp_path, 1), []
    for message in messages_of_live(running, [job("parent")]):
        if message.event == Finished():
            ended.append(message.job.name)
            if message.job.name == "parent":
                running.add(job("child"))
    assert ended == ["parent", "child"]
    running.close()


def test_silence_is_yielded(tmp_path: Path) -> None:
    running = engine(tmp_path, 1, tick_seconds=0.05)
    assert None in list(running.execute([job("a", sleep=0.5)]))
    running.close()


SCRIPT = """
import sys, time
from pathlib import Path
from overthink.execution.local import LocalEngine
from support.engines import obedient, obedient_job

print("the script is executed", flush=True)
engine = LocalEngine(1, Path("logs"), 60.0, obedient)
for message in engine.execute([obedient_job("a", sleep=float(sys.argv[1]))]):
    print(message.event, flush=True)
engine.close()
"""


def script(folder: Path, sleep: float) -> "subprocess.Popen[str]":
    """Start a script that trains without the usual guard of its main part."""
    (folder / "script.py").write_text(SCRIPT)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])}
    return subprocess.Popen(
        [sys.executable, str(folder / "script.py"), str(sleep)],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_a_script_is_not_executed_again_by_its_workers(tmp_path: Path) -> None:
    out, err = script(tmp_path, 0.0).communicate(timeout=120)
    assert out.count("the script is executed") == 1, err
    assert "Finished" in out


def test_a_killed_coordinator_takes_its_workers_along_in_the_middle_of_their_work(tmp_path: Path) -> None:
    process = script(tmp_path, 600.0)
    assert process.stdout is not None
    next(line for line in process.stdout if "Started" in line)
    below = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.communicate()
    _, alive = psutil.wait_procs(below, timeout=10)
    assert not alive


def test_ctrl_c_is_for_the_coordinator_alone(tmp_path: Path) -> None:
    """A terminal sends the signal to all processes of the command, those that are starting included."""
    process = script(tmp_path, 600.0)
    assert process.stdout is not None
    next(line for line in process.stdout if "executed" in line)
    time.sleep(0.5)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert err.count("KeyboardInterrupt") == 1


def test_a_long_folder_for_temporary_files_costs_forking_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a process of its own, since a fork server that runs already is used again."""
    long = tmp_path / ("t" * 100)
    long.mkdir()
    monkeypatch.setenv("TMPDIR", str(long))
    out, err = script(tmp_path, 0.0).communicate(timeout=120)
    assert "Finished" in out, err
