import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from server_stack.group import API, PASSWORDS, Group, Work
from server_stack.stack import Stack, missing
from small import definition


@pytest.fixture(scope="session")
def new_stack() -> Iterator[Callable[[], Stack]]:
    """Make stacks, whose services are not started; end them at the end."""
    if absent := missing():
        pytest.skip(f"no {', '.join(absent)} on this machine (.ci/run and make install them)")
    stacks: list[Stack] = []

    def new() -> Stack:
        stacks.append(Stack(Path(tempfile.mkdtemp(prefix="overthink-stack-", dir="/tmp"))))  # pytest's are root's alone
        return stacks[-1]

    yield new
    for stack in stacks:
        stack.stop()
        shutil.rmtree(stack.folder)


@pytest.fixture(scope="session")
def stack(new_stack: Callable[[], Stack]) -> Stack:
    """The whole server."""
    made = new_stack()
    made.start("postgres", "mlflow", "optuna-dashboard", "proxy")
    return made


@pytest.fixture(scope="session")
def group(stack: Stack) -> Group:
    made = Group(stack)
    for username, password in PASSWORDS.items():
        answer = made.ask("admin", "POST", f"{API}/users/create", json={"username": username, "password": password})
        assert answer.status_code == 200, answer.text
    return made


@pytest.fixture(scope="session")
def work(group: Group, tmp_path_factory: pytest.TempPathFactory) -> Work:
    """ann's run, by the command, through the proxy."""
    folder = tmp_path_factory.mktemp("ann")
    definition(folder, seeds=1, regime=[{"epochs": 1}])
    done = group.overthink("ann", folder, "run", "small.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    found = group.ask("ann", "GET", f"{API}/experiments/get-by-name", params={"experiment_name": "small"}).json()
    experiment = found["experiment"]["experiment_id"]
    runs = group.ask("ann", "POST", f"{API}/runs/search", json={"experiment_ids": [experiment]}).json()["runs"]
    (run,) = (run for run in runs if "mlflow.parentRunId" in {tag["key"] for tag in run["data"]["tags"]})
    return Work(experiment, run["info"]["run_id"], folder)
