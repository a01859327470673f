import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.server_group import Group, Work, first_run, with_accounts
from support.server_stack import Stack, missing
from support.small import definition


@pytest.fixture(scope="session")
def new_stack() -> Iterator[Callable[..., Stack]]:
    """Make stacks, with settings in .env if given, whose services are not started; end them at the end."""
    if absent := missing():
        pytest.skip(f"no {', '.join(absent)} on this machine (.ci/run installs them)")
    stacks: list[Stack] = []

    def new(**settings: str) -> Stack:
        folder = Path(tempfile.mkdtemp(prefix="overthink-stack-", dir="/tmp"))  # pytest's are root's alone
        stacks.append(Stack(folder, **settings))
        return stacks[-1]

    yield new
    for stack in stacks:
        stack.stop()
        shutil.rmtree(stack.folder)


@pytest.fixture(scope="session")
def stack(new_stack: Callable[..., Stack]) -> Stack:
    """The whole server."""
    made = new_stack()
    made.start("postgres", "mlflow", "optuna-dashboard", "proxy")
    return made


@pytest.fixture(scope="session")
def group(stack: Stack) -> Group:
    return with_accounts(stack)


@pytest.fixture(scope="session")
def work(group: Group, tmp_path_factory: pytest.TempPathFactory) -> Work:
    """ann's run, by the command, through the proxy."""
    folder = tmp_path_factory.mktemp("ann")
    definition(folder, seeds=1, regime=[{"epochs": 1}])
    done = group.overthink("ann", folder, "run", "small.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    return Work(*first_run(group, "small"), folder)
