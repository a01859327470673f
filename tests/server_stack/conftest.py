import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from server_stack.stack import Stack, missing


@pytest.fixture(scope="module")
def new_stack() -> Iterator[Callable[[], Stack]]:
    """Make stacks, whose services are not started; end them with the module."""
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


@pytest.fixture(scope="module")
def stack(new_stack: Callable[[], Stack]) -> Stack:
    """The whole server."""
    made = new_stack()
    made.start("postgres", "mlflow", "optuna-dashboard", "proxy")
    return made
