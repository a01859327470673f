"""Kinds of kills: each harms commands in working directories of a folder, `a` with the store, and perhaps `b`."""

import random
import shutil
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import psutil

from faults.victim import LINES, Victim, directory, pause
from support.mlflow_server import Served

Harm = Callable[[random.Random, Path, Path], Callable[[], None] | None]
"""Harms commands, given chance, a folder, and the folder of what was made before; returns what ends the trial."""
KILLS: dict[str, Harm] = {}


def _kind(harm: Harm) -> Harm:
    KILLS[harm.__name__.replace("_", " ")] = harm
    return harm


@_kind
def kill_in_the_first_second(chance: random.Random, folder: Path, _made: Path) -> None:
    victim = Victim(directory(folder / "a"), imports=True)
    pause(chance, 1.0)
    victim.kill()


@_kind
def kill_while_the_store_is_made(chance: random.Random, folder: Path, _made: Path) -> None:
    victim = Victim(directory(folder / "a"))
    victim.wait_for_file(".mlflow.db.*")
    pause(chance, 4.0)
    victim.kill()


@_kind
def interrupt_while_the_store_is_made(chance: random.Random, folder: Path, _made: Path) -> None:
    victim = Victim(directory(folder / "a"))
    victim.wait_for_file(".mlflow.db.*")
    pause(chance, 4.0)
    _interrupt(chance, victim)


@_kind
def kill_a_worker(chance: random.Random, folder: Path, made: Path) -> None:
    victim = _in_training(chance, folder, made)
    for worker in victim.workers():
        with suppress(psutil.Error):
            worker.kill()
    victim.wait()


@_kind
def kill_the_command(chance: random.Random, folder: Path, made: Path) -> None:
    _in_training(chance, folder, made).kill()


@_kind
def kill_both_at_once(chance: random.Random, folder: Path, made: Path) -> None:
    _in_training(chance, folder, made).kill_everything()


@_kind
def interrupt_in_training(chance: random.Random, folder: Path, made: Path) -> None:
    _interrupt(chance, _in_training(chance, folder, made))


@_kind
def kill_while_the_end_is_uploaded(chance: random.Random, folder: Path, made: Path) -> None:
    victim = Victim(_with_store(folder, made))
    victim.wait_for_lines(chance.choice((LINES // 2, LINES)))
    pause(chance, 0.7)
    victim.kill()


@_kind
def kill_sync(chance: random.Random, folder: Path, made: Path) -> None:
    """Of runs that are finished and queued."""
    shutil.copytree(made / "queued", folder / "a")
    for journal in (folder / "a" / ".overthink" / "journals").glob("*/journal.db"):
        with closing(sqlite3.connect(journal)) as database, database:
            old, new = str(made / "queued"), str(folder / "a")
            database.execute("UPDATE entries SET entry = replace(entry, ?, ?)", (old, new))
    victim = Victim(folder / "a", "sync")
    pause(chance, 2.0)
    victim.kill()


@_kind
def kill_the_server(chance: random.Random, folder: Path, made: Path) -> Callable[[], None]:
    """It is back after a moment, or after the command has ended."""
    server = Served(folder / "server", made / "empty.db")
    server.start()
    try:
        victim = Victim(directory(folder / "a"), MLFLOW_TRACKING_URI=server.uri, MLFLOW_HTTP_REQUEST_MAX_RETRIES="1")
        victim.wait_for_lines(chance.randint(1, LINES))
        pause(chance, 0.5)
        server.kill()
        if chance.random() < 0.5:
            victim.kill()
        elif chance.random() < 0.5:
            victim.wait()
        server.start()
        victim.wait()
        (folder / "uri").write_text(server.uri)
        return server.kill
    except BaseException:
        server.kill()
        raise


@_kind
def kill_during_a_takeover(chance: random.Random, folder: Path, made: Path) -> None:
    """A second working directory resumes what the killed command of the first one has left, and is killed as well."""
    _in_training(chance, folder, made).kill_everything()
    second = Victim(directory(folder / "b"), MLFLOW_TRACKING_URI=f"sqlite:///{folder}/a/mlflow.db")
    second.wait_for_lines(chance.randint(0, LINES))
    pause(chance, 0.5)
    second.kill_everything()


def _with_store(folder: Path, made: Path) -> Path:
    place = directory(folder / "a")
    shutil.copy(made / "empty.db", place / "mlflow.db")
    return place


def _in_training(chance: random.Random, folder: Path, made: Path) -> Victim:
    """Return a command at a random moment of its training."""
    victim = Victim(_with_store(folder, made))
    victim.wait_for_lines(chance.randint(1, LINES))
    pause(chance, 0.5)
    return victim


def _interrupt(chance: random.Random, victim: Victim) -> None:
    """Send SIGINT or SIGTERM, perhaps a second time."""
    for _ in range(chance.choice((1, 1, 2))):
        victim.signal(chance.choice((signal.SIGINT, signal.SIGTERM)))
        pause(chance, 0.3)
    victim.wait()
