"""Eight processes log runs at once, to a server and to a SQLite file: lost and duplicated entries, and time."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from overthink.outbox.run_logger import RunStart
from overthink.outbox.sender import OutboxSender
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.finding import find_runs
from overthink.store.group_spec import GroupSpec
from overthink.store.writer import Writer
from support.mlflow_server import Served

PROCESSES, RUNS, EPOCHS, METRICS = 8, 3, 40, 20
EPOCH_SECONDS = 0.05


def main() -> str:
    """Return the results for a server (or the store at OVERTHINK_LOAD_URI), then for a SQLite file."""
    given = os.environ.get("OVERTHINK_LOAD_URI")
    with TemporaryDirectory() as folder:
        place = Path(folder) / "http"
        over_http = loaded(given, place) if given else served(place, f"sqlite:///{folder}/served.db")
        file = f"sqlite:///{folder}/mlflow.db"
        Store(file)
        return f"server: {over_http}; sqlite: {loaded(file, Path(folder) / 'file')}"


def served(folder: Path, database: str) -> str:
    """Return the results for a server on the database at an address."""
    server = Served(folder.with_name("server"), database)
    try:
        server.start()
        return loaded(server.uri, folder)
    finally:
        server.kill(signal.SIGTERM)


def loaded(uri: str, folder: Path) -> str:
    """Log the runs of all processes at once; return the time, and what the store lost or duplicated."""
    folder.mkdir()
    experiment = f"load {time.time_ns()}"
    asked = [sys.executable, "-m", "benchmarks.load", uri, experiment]
    alone = os.environ | {"OVERTHINK_STATE": str(folder / "state")}
    root = Path(__file__).parents[1]
    started = time.perf_counter()
    processes = [
        subprocess.Popen([*asked, str(number)], env=alone, stdout=subprocess.PIPE, text=True, cwd=root)
        for number in range(PROCESSES)
    ]
    reports = [json.loads(process.communicate()[0]) for process in processes]
    seconds = time.perf_counter() - started
    lost, duplicated = counted(Store(uri), experiment)
    waiting, logging = (max(report[name] for report in reports) for name in ("seconds", "logging"))
    return (
        f"{PROCESSES} processes, {PROCESSES * RUNS} runs, {PROCESSES * RUNS * EPOCHS * METRICS} values in "
        f"{seconds:.0f} s (logged in {logging:.1f} s, at most {waiting:.1f} s of a "
        f"process waiting for the store); lost {lost}, duplicated {duplicated}"
    )


def counted(store: Store, experiment: str) -> tuple[int, int]:
    """Return the number of runs and metric values that are missing, and of those stored more than once."""
    lost = duplicated = 0
    for number in range(PROCESSES * RUNS):
        found = find_runs(store, run_key=f"{experiment} {number}")
        lost, duplicated = lost + (not found), duplicated + max(len(found) - 1, 0)
        for run in found[:1]:
            lost += run.outcome != tags.FINISHED
            for metric in range(METRICS):
                history = store.client.get_metric_history(run.run_id, f"epochs/m{metric}")
                values = [(entry.step, entry.value) for entry in history]
                lost += EPOCHS - len(set(values) & {(epoch, epoch + metric / 7) for epoch in range(1, EPOCHS + 1)})
                duplicated += len(values) - len(set(values))
    groups = find_runs(store, kind=tags.KIND_GROUP, definition=experiment)
    return lost + (not groups), duplicated + max(len(groups) - 1, 0)


def log_runs(uri: str, experiment: str, process: int) -> None:
    """Log the runs of one process, and print its times as JSON."""
    store = Store(uri)
    writer = Writer(store)
    sender = OutboxSender(store, writer, lambda sentence: print(sentence, file=sys.stderr))
    common = {tags.GROUP_KEY: experiment, tags.DEFINITION: experiment}
    group = GroupSpec(experiment, "Load.", {}, experiment, ("0",), common, {})
    started = time.perf_counter()
    for number in range(process * RUNS, (process + 1) * RUNS):
        key = f"{experiment} {number}"
        run_tags = {tags.KIND: tags.KIND_RUN, tags.RUN_KEY: key, tags.SEEDS: "0", **common}
        run_log = sender.begin(RunStart(group, key, key, run_tags, {"seed": str(number)}))
        for epoch in range(1, EPOCHS + 1):
            run_log.log({f"epochs/m{metric}": epoch + metric / 7 for metric in range(METRICS)}, epoch)
            time.sleep(EPOCH_SECONDS)
        run_log.text("figures.html", "<p>figure</p>" * 10_000)
        run_log.close(tags.FINISHED)
    logging = time.perf_counter() - started
    left = sender.wait(300)
    sender.stop()
    print(json.dumps({"logging": logging, "seconds": store.seconds, "left": str(left)}))


if __name__ == "__main__":
    log_runs(sys.argv[1], sys.argv[2], int(sys.argv[3]))
