"""The coordinator's side of a cluster, with a process that speaks as the driver does."""

import sys
import time
from collections.abc import Iterable
from pathlib import Path

import psutil
import pytest

from overthink.execution.jobs import EngineError, Job, Message, Order
from overthink.execution.remote import ClusterEngine
from overthink.running.events import NAMES

DRIVER = """
import json, os, sys, time
def say(**body): print(json.dumps(body), flush=True)
EPOCH = {"event": "epoch", "epoch": 1, "phase": 1, "lr": 0.1, "train_loss": 1.0, "train_accuracy": [0.5],
         "val_loss": [1.0], "val_accuracy": [0.5], "seconds": 1.0, "images_per_second": 1.0}
say(note=f"the cluster has one machine, process {os.getpid()}")
for line in sys.stdin:
    asked = json.loads(line)
    name = asked["job"]
    if asked["do"] == "stop":
        say(job=name, event="died", message="it was stopped")
        continue
    match asked["order"]["run"]:
        case "work":
            say(job=name, **EPOCH)
            say(job=name, event="finished")
        case "lose":
            say(job=name, event="lost", message="the machine has gone")
        case "crash":
            print("[now, E 1 2] rpc_client.h:204: raylet: the head is gone. See a log.", file=sys.stderr, flush=True)
            sys.stdout.write('{"job": "half')
            sys.stdout.flush()
            os._exit(7)
        case "refuse":
            say(gone="no Ray cluster on this machine")
        case "wait":
            say(job=name, **EPOCH)
open(sys.argv[1], "w").write("left in order")
"""


def engine(folder: Path, heard: list[str], tick_seconds: float = 60.0) -> ClusterEngine:
    command = [sys.executable, "-c", DRIVER, str(folder / "end")]
    return ClusterEngine(command, folder / "logs" / "ray.log", heard.append, tick_seconds)


def events(running: Iterable[Message | None]) -> list[tuple[str, str]]:
    return [(message.job.name, NAMES[type(message.event)]) for message in running if message is not None]


def job(name: str, do: str = "work") -> Job:
    return Job(name, Order(do, "", "cpu", None, None, 60.0))


def test_all_jobs_go_to_one_process_and_what_it_notes_is_heard(tmp_path: Path) -> None:
    heard: list[str] = []
    said = events(engine(tmp_path, heard).execute([job("a"), job("b")]))
    assert said == [("a", "epoch"), ("a", "finished"), ("b", "epoch"), ("b", "finished")]
    (note,) = heard
    assert note.startswith("the cluster has one machine")
    assert (tmp_path / "end").read_text() == "left in order"


def test_a_lost_job_can_be_added_again(tmp_path: Path) -> None:
    running, said = engine(tmp_path, []), []
    for message in running.execute([job("a", "lose")]):
        assert message is not None
        said.append(NAMES[type(message.event)])
        if said[-1] == "lost":
            running.add(job("a"))
    assert said == ["lost", "epoch", "finished"]


def test_a_job_is_stopped_alone(tmp_path: Path) -> None:
    running = engine(tmp_path, [])
    said = []
    for message in running.execute([job("a", "wait"), job("b")]):
        assert message is not None
        said.append((message.job.name, NAMES[type(message.event)]))
        if said[-1] == ("b", "finished"):
            running.stop("a")
    assert said[-1] == ("a", "died")


@pytest.mark.parametrize(
    "do, why",
    [
        ("crash", r"the cluster is gone \(exit code 7: raylet: the head is gone\); rerun the command once it is back"),
        ("refuse", "^no Ray cluster on"),
    ],
)
def test_a_cluster_that_is_gone_ends_it_for_all(tmp_path: Path, do: str, why: str) -> None:
    with pytest.raises(EngineError, match=why):
        events(engine(tmp_path, []).execute([job("a", "wait"), job("b", do)]))


def test_leaving_early_ends_the_process(tmp_path: Path) -> None:
    heard: list[str] = []
    running = engine(tmp_path, heard).execute([job("a", "wait")])
    next(running)
    running.close()
    assert (tmp_path / "end").read_text() == "left in order"
    assert not psutil.pid_exists(int(heard[0].split()[-1]))


def test_silence_is_told_and_no_jobs_are_no_work(tmp_path: Path) -> None:
    assert events(engine(tmp_path, []).execute([])) == []
    quiet = engine(tmp_path, [], tick_seconds=0.05).execute([job("a", "wait")])
    deadline = time.monotonic() + 30
    while next(quiet) is not None:
        assert time.monotonic() < deadline
    quiet.close()
