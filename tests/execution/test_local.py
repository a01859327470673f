import sys
import time
from collections.abc import Iterable
from pathlib import Path

import psutil
import pytest

from overthink.execution.jobs import Job, Message
from overthink.execution.local import LocalEngine

WORKER = """
import json, os, signal, sys, time
for line in sys.stdin:
    order = json.loads(line)
    print(json.dumps({"event": "said", "pid": os.getpid(), "at": time.monotonic()}), flush=True)
    if order["do"] == "die":
        print("last words", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(order.get("sleep", 0))
    print(json.dumps({"event": "done", "ends": True, "at": time.monotonic()}), flush=True)
"""


def engine(folder: Path, workers: int) -> LocalEngine:
    return LocalEngine([sys.executable, "-c", WORKER], workers, folder / "logs")


def said(running: Iterable[Message | None]) -> list[Message]:
    return [message for message in running if message is not None]


def job(name: str, do: str = "work", sleep: float = 0.0) -> Job:
    return Job(name, {"do": do, "sleep": sleep})


def test_every_job_is_done_once_and_workers_are_used_again(tmp_path: Path) -> None:
    messages = said(engine(tmp_path, 2).execute([job(str(number)) for number in range(6)]))
    assert sorted(message.job.name for message in messages if message.ends) == list("012345")
    assert len({message.body["pid"] for message in messages if message.body["event"] == "said"}) <= 2


def test_jobs_run_side_by_side(tmp_path: Path) -> None:
    messages = said(engine(tmp_path, 2).execute([job("a", sleep=1.0), job("b", sleep=1.0)]))
    begun = [message.body["at"] for message in messages if not message.ends]
    ended = [message.body["at"] for message in messages if message.ends]
    assert max(begun) < min(ended)


def test_a_killed_worker_ends_its_job_alone(tmp_path: Path) -> None:
    messages = said(engine(tmp_path, 1).execute([job("a", "die"), job("b")]))
    last = {message.job.name: message.body for message in messages if message.ends}
    assert last["a"] == {"event": "died", "exit_code": -9, "log": "last words"}
    assert last["b"]["event"] == "done"


def test_leaving_early_ends_the_processes(tmp_path: Path) -> None:
    running = engine(tmp_path, 2).execute([job("a", sleep=60), job("b", sleep=60)])
    pids = {message.body["pid"] for message in (next(running), next(running)) if message is not None}
    running.close()
    assert len(pids) == 2
    time.sleep(0.1)
    assert not [pid for pid in pids if psutil.pid_exists(pid)]


def test_no_jobs_are_no_work(tmp_path: Path) -> None:
    assert list(engine(tmp_path, 2).execute([])) == []


def test_a_job_may_follow_from_another(tmp_path: Path) -> None:
    following, heard = engine(tmp_path, 1), []
    for maybe in following.execute([job("parent")]):
        if maybe is not None and maybe.ends:
            heard.append(maybe.job.name)
            if maybe.job.name == "parent":
                following.add(job("child"))
    assert heard == ["parent", "child"]


def test_silence_is_told(tmp_path: Path) -> None:
    quiet = LocalEngine([sys.executable, "-c", WORKER], 1, tmp_path / "logs", tick_seconds=0.05)
    assert None in list(quiet.execute([job("a", sleep=0.5)]))


def test_a_command_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(LocalEngine(["/no/such/program"], 1, tmp_path).execute([job("a")]))
