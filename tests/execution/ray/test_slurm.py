"""cluster/slurm.sh: with real Ray under stand-ins for SLURM's commands, and where SLURM is installed, under SLURM."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from overthink.store import tags
from overthink.store.client import Store
from overthink.store.finding import find_runs
from support.mlflow_server import Served
from support.slurm import Slurm, missing
from support.small import definition

SCRIPT = Path(__file__).parents[3] / "cluster" / "slurm.sh"
SRUN = """#!/usr/bin/env bash
for option; do
  case $option in
    --ntasks=*) tasks=${option#*=} ;;
    --*) ;;
    *) break ;;
  esac
  shift
done
for ((node = 0; node < ${FEWER:-tasks}; node++)); do SLURM_NODEID=$node "$@" <&0 & done
wait
"""
SCONTROL = """#!/usr/bin/env bash
if [ "$1 $2" = "show hostnames" ]; then printf '%s\\n' ${3//,/ }; else echo "NodeName=$4 NodeAddr=127.0.0.1 Port=1"; fi
"""
ASK = """
import json, os, signal, stat, sys, time
import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as On
ray.init(address="auto", logging_level="ERROR", log_to_driver=False)
node = ray.remote(lambda: os.environ["SLURM_NODEID"])
token = os.environ["RAY_AUTH_TOKEN_PATH"]
modes = [stat.S_IMODE(os.stat(path).st_mode) for path in (token, os.path.dirname(token))]
def end(*_):
    print("told to end", flush=True)
    ray.shutdown()
    sys.exit(143)
signal.signal(signal.SIGTERM, end)
seen = {"nodes": len(ray.nodes()), "cpus": ray.cluster_resources()["CPU"], "modes": modes, "token": open(token).read()}
there = [On(found["NodeID"], soft=False) for found in ray.nodes()]
seen["ran"] = sorted(ray.get([node.options(scheduling_strategy=on).remote() for on in there]))
print(json.dumps(seen), flush=True)
if sys.argv[1] == "wait":
    time.sleep(600)
sys.exit(int(sys.argv[1]))
"""


def ray_environment() -> dict[str, str]:
    own = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "RAY_AUTH_TOKEN": "not the job's"}
    return {**os.environ, **own}


def left_of(job: str, folder: Path) -> list[str]:
    """Return what a job has left: processes that know its token, and files."""
    token = str(folder / ".overthink" / f"slurm-{job}" / "token")
    left = [str(path) for path in (*(folder / ".overthink").glob("slurm-*"), *Path("/tmp").glob(f"ov-{job}-*"))]
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("RAY_AUTH_TOKEN_PATH") == token and process.status() != psutil.STATUS_ZOMBIE:
                left.append(" ".join(process.cmdline())[:200])
    return left


def nothing_is_left_of(job: str, folder: Path) -> None:
    deadline = time.monotonic() + 10
    while left_of(job, folder) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert left_of(job, folder) == []


class Submitted:
    """A job of the stand-ins: the script as a process, in a folder of its own."""

    def __init__(self, folder: Path, *command: str, nodes: int = 1, **more: str) -> None:
        self.folder = folder
        self.number = str(random.randrange(10**6, 10**9))
        for name, text in {"bin/srun": SRUN, "bin/scontrol": SCONTROL, "ask.py": ASK}.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)
        given = {
            "SLURM_JOB_ID": self.number,
            "SLURMD_NODENAME": "n0",
            "SLURM_JOB_NODELIST": ",".join(f"n{index}" for index in range(nodes)),
            "SLURM_JOB_NUM_NODES": str(nodes),
            "SLURM_CPUS_ON_NODE": "1",
        }
        here = ray_environment()
        self.process = subprocess.Popen(
            [SCRIPT, *command],
            cwd=folder,
            env={**here, **given, "PATH": f"{folder / 'bin'}:{here['PATH']}", **more},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def end(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=120)
        return self.process.returncode, out, err


def test_the_command_has_a_cluster_of_all_nodes_and_its_exit_code_comes_back(tmp_path: Path) -> None:
    job = Submitted(tmp_path, sys.executable, "ask.py", "7", nodes=2)
    code, out, err = job.end()
    assert code == 7, err
    seen = json.loads(out)
    assert (seen["nodes"], seen["cpus"], seen["ran"]) == (2, 2.0, ["0", "1"])
    assert seen["modes"] == [0o600, 0o700]
    assert len(seen["token"]) == 64
    assert seen["token"] not in out.replace(json.dumps(seen), "") + err
    nothing_is_left_of(job.number, tmp_path)


def test_a_signal_reaches_the_command_which_ends_in_its_own_way(tmp_path: Path) -> None:
    job = Submitted(tmp_path, sys.executable, "ask.py", "wait")
    assert job.process.stdout is not None
    assert job.process.stdout.readline().startswith("{")
    assert left_of(job.number, tmp_path) != []
    job.process.send_signal(signal.SIGTERM)
    code, out, err = job.end()
    assert (code, out) == (143, "told to end\n"), err
    nothing_is_left_of(job.number, tmp_path)


def test_a_node_that_does_not_join_ends_the_job_with_a_sentence(tmp_path: Path) -> None:
    job = Submitted(tmp_path, "touch", "begun", nodes=2, FEWER="1", OVERTHINK_JOIN_SECONDS="4")
    code, _, err = job.end()
    assert code == 1
    assert "not all of the 2 nodes joined the Ray cluster within 4 s" in err
    assert "Local node IP" in err
    assert not (tmp_path / "begun").exists()
    nothing_is_left_of(job.number, tmp_path)


def test_files_that_cannot_be_removed_do_not_change_the_exit_code(tmp_path: Path) -> None:
    """As on NFS, where a folder stays while somebody has a file there open: first srun ends, then files go."""
    alive = tmp_path / "srun-is-alive"
    stands_in = {
        "srun": f"echo Ray runtime started; touch {alive}; cat <&0 >/dev/null; sleep 0.5; rm {alive}",
        "rm": f'[ -e "$2/ray.log" ] || exec /bin/rm "$@"; [ ! -e {alive} ] || touch {tmp_path}/early; exit 1',
    }
    for name, text in stands_in.items():
        (tmp_path / "nfs" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "nfs" / name).write_text(f"#!/usr/bin/env bash\n{text}\n")
        (tmp_path / "nfs" / name).chmod(0o755)
    path = f"{tmp_path / 'nfs'}:{tmp_path / 'bin'}:{ray_environment()['PATH']}"
    job = Submitted(tmp_path, "bash", "-c", f"until [ -e {alive} ]; do sleep 0.1; done; exit 7", PATH=path)
    assert job.end()[0] == 7
    assert not (tmp_path / "early").exists()
    (folder,) = (tmp_path / ".overthink").iterdir()
    assert not (folder / "token").exists()


@pytest.mark.parametrize(
    "command, more, sentence",
    [
        ((), {}, "no command given"),
        (("true",), {"SLURM_JOB_ID": ""}, "submit it with sbatch"),
        (("true",), {"SLURMD_NODENAME": ""}, "submit it with sbatch"),
        (("true",), {"PATH": "/usr/bin:/bin"}, "no 'ray' on PATH"),
    ],
)
def test_wrong_use_is_said(command: tuple[str, ...], more: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    code, out, err = Submitted(tmp_path, *command, **more).end()
    assert (code, out) == (2, "")
    assert sentence in err
    assert err.startswith("slurm.sh: ")
    assert err.count("\n") == 1
    assert not (tmp_path / ".overthink").exists()


def test_shellcheck_has_nothing_to_say() -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("no shellcheck on this machine (.ci/run installs it)")
    done = subprocess.run(["shellcheck", SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def slurm() -> Iterator[Slurm]:
    if absent := missing():
        pytest.skip(f"no {', '.join(absent)} on this machine (.ci/run installs them)")
    with Slurm() as running:
        yield running


@pytest.fixture(scope="module")
def jobs(slurm: Slurm, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, Path]]:
    """Three jobs that share the two nodes, at once: number and folder of each."""
    asked = {
        "ends": (["--nodes=2"], (sys.executable, "ask.py", "5")),
        "cancelled": ([], (sys.executable, "ask.py", "wait")),
        "too long": (["--time=1", "--signal=B:TERM@45"], ("sleep", "600")),
    }
    submitted = {}
    for name, (options, then) in asked.items():
        folder = tmp_path_factory.mktemp("job")
        (folder / "ask.py").write_text(ASK)
        command = ["--output=out", "--cpus-per-task=1", *options, str(SCRIPT), *then]
        submitted[name] = (slurm.submit(*command, cwd=folder, env=ray_environment()), folder)
    return submitted


def test_a_job_of_slurm_has_its_nodes_and_its_exit_code(slurm: Slurm, jobs: dict[str, tuple[str, Path]]) -> None:
    job, folder = jobs["ends"]
    said = slurm.ended(job)
    out = (folder / "out").read_text()
    assert (said["JobState"], said["ExitCode"]) == ("FAILED", "5:0"), out
    seen = json.loads(out)
    assert (seen["nodes"], seen["cpus"], seen["ran"]) == (2, 2.0, ["0", "1"])
    nothing_is_left_of(job, folder)


def test_a_cancelled_job_ends_in_its_own_way(slurm: Slurm, jobs: dict[str, tuple[str, Path]]) -> None:
    job, folder = jobs["cancelled"]
    slurm.wait_for(lambda: (folder / "out").exists() and "{" in (folder / "out").read_text())
    slurm.call("scancel", "--signal=TERM", "--batch", job)
    said = slurm.ended(job)
    out = (folder / "out").read_text()
    assert said["ExitCode"] == "143:0", out
    assert "told to end" in out
    nothing_is_left_of(job, folder)


def test_a_job_is_told_of_its_time_limit(slurm: Slurm, jobs: dict[str, tuple[str, Path]]) -> None:
    job, folder = jobs["too long"]  # SLURM rounds to minutes: it may say so while Ray starts
    said = slurm.ended(job)
    assert (said["JobState"], said["ExitCode"]) == ("FAILED", "143:0"), (folder / "out").read_text()
    nothing_is_left_of(job, folder)


def test_runs_are_trained_in_a_job_of_slurm(slurm: Slurm, served: Served, tmp_path: Path) -> None:
    """The whole way: sbatch, the script, Ray on both nodes, the command, its runs at a server."""
    definition(tmp_path, regime=[{"epochs": 1}])
    run = (sys.executable, "-m", "overthink.cli", "run", "small.yaml", "--engine", "ray")
    job = slurm.submit("--output=out", "--nodes=2", str(SCRIPT), *run, cwd=tmp_path, env=ray_environment())
    said = slurm.ended(job)
    out = (tmp_path / "out").read_text()
    assert (said["JobState"], said["ExitCode"]) == ("COMPLETED", "0:0"), out
    assert "the cluster has 2 machines, with room for 2 runs of cpu=1 at once" in out
    assert [one.outcome for one in find_runs(Store(), kind=tags.KIND_RUN)] == [tags.FINISHED] * 2
    nothing_is_left_of(job, tmp_path)
