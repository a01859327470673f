"""Constructed races: two commands on one store, in two working directories, on one machine or on two."""

import random
import shutil
import signal
from pathlib import Path

from faults.kills import Harm
from faults.victim import LINES, Victim, directory, pause

LATER = 1200.0
"""Seconds by which the clock of a machine is ahead: to it, the other one has been silent for longer than allowed."""
RACES: dict[str, Harm] = {}


def _kind(race: Harm) -> Harm:
    RACES[race.__name__.replace("_", " ")] = race
    return race


@_kind
def two_directories_start_together(chance: random.Random, folder: Path, made: Path) -> None:
    _start_together(chance, folder, made, "", "")


@_kind
def two_machines_start_together(chance: random.Random, folder: Path, made: Path) -> None:
    _start_together(chance, folder, made, "first", "second")


@_kind
def one_machine_stops_another_takes_over(chance: random.Random, folder: Path, made: Path) -> None:
    """The first goes on while the second trains, is killed, or has finished."""
    first, second = _places(folder, made)
    slow = Victim(first, machine="first")
    slow.wait_for_lines(chance.randint(1, LINES - 1))
    slow.signal_everything(signal.SIGSTOP)
    other = Victim(second, machine="second", clock=LATER, MLFLOW_TRACKING_URI=_uri(folder))
    other.wait_for_lines(chance.randint(1, LINES))
    pause(chance, 0.5)
    match chance.choice(("killed", "goes on", "finished")):
        case "killed":
            other.kill_everything()
        case "finished":
            other.wait()
    slow.signal_everything(signal.SIGCONT)
    slow.wait()
    other.wait()


@_kind
def undelivered_taken_over_then_synced(chance: random.Random, folder: Path, made: Path) -> None:
    """The first has finished and is killed before all is uploaded; the second resumes it, and may be killed."""
    first, second = _places(folder, made)
    whole = Victim(first, machine="first")
    whole.wait_for_lines(chance.choice((LINES // 2, LINES)))
    whole.kill_everything()
    other = Victim(second, machine="second", clock=LATER, MLFLOW_TRACKING_URI=_uri(folder))
    other.wait_for_lines(chance.randint(0, LINES))
    if chance.random() < 0.7:
        other.kill_everything()
    else:
        pause(chance, 1.0)
    Victim(first, "sync", machine="first").wait()
    other.wait()


def _start_together(chance: random.Random, folder: Path, made: Path, *machines: str) -> None:
    """On a store that is there or not, at most three seconds apart; one of both may be killed."""
    first, second = _places(folder, made)
    if chance.random() < 0.3:
        (first / "mlflow.db").unlink()
    victims = [Victim(first, machine=machines[0], MLFLOW_TRACKING_URI=_uri(folder))]
    pause(chance, 3.0)
    victims.append(Victim(second, machine=machines[1], MLFLOW_TRACKING_URI=_uri(folder)))
    if chance.random() < 0.4:
        killed = chance.choice(victims)
        killed.wait_for_lines(chance.randint(1, LINES))
        killed.kill_everything()
    for victim in victims:
        victim.wait()


def _places(folder: Path, made: Path) -> tuple[Path, Path]:
    first, second = directory(folder / "a"), directory(folder / "b")
    shutil.copy(made / "empty.db", first / "mlflow.db")
    return first, second


def _uri(folder: Path) -> str:
    return f"sqlite:///{folder}/a/mlflow.db"
