"""Mutated definitions through the command: each ends in a plan or in one short sentence, quickly, in little memory."""

import random
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml

from fuzz.mutations import mutated, parts
from fuzz.processor import limited
from fuzz.trial import Trial
from support.command import invoke

SHIPPED = tuple(
    path for folder in ("experiments", "sweeps") for path in sorted((Path(__file__).parents[2] / folder).glob("*.yaml"))
)
LONGEST_MESSAGE = 600
LONGEST_SECONDS = 20
"""Of the processor."""
MOST_MEMORY = 10**9
"""Bytes of one trial, beyond what the process had before it: torch, MLflow and Optuna."""
SETTINGS = (
    *(
        "seeds=1:30",
        "regime.0.epochs=1:30",
        "regime.0.lr=1:30.5",
        "regime.0.lr=1e-3",
        "seeds=010",
        "name=!!binary aGk=",
    ),
    *(
        "x=1",
        "=1",
        "a",
        "regime.99.lr=1",
        "network=",
        "dataset.kind=[",
        "variants={on: {}}",
        "regime.0.lr=.nan",
        "a.b.c=*x",
    ),
    *(f"name={'x' * 9000}", f"{'x.' * 5000}x=1", "regime.0.lr=1e999", "description=\x1b[31m", "seeds={init: [1, 2]}"),
)


def prepare() -> None:
    """Import what every trial needs: torch cannot be imported again where that is interrupted."""
    for name in ("running.network_size", "store.client", "sweep.definition"):
        import_module(f"overthink.{name}")


def trial(seed: int, number: int, folder: Path) -> Trial:
    """Run the command on the definition of a seed and a number; the folder takes its file."""
    chance = random.Random(f"{seed} {number}")
    source = chance.choice(SHIPPED)
    path = folder / source.name
    path.write_bytes(mutated(chance, source.read_text(encoding="utf-8"), _parts_of_all()))
    arguments = _arguments(chance, path)
    done, used = limited(lambda: invoke(folder, *arguments), LONGEST_SECONDS)
    problem = _problem(done.returncode, done.stderr) or (
        f"{used.memory} bytes of memory" if used.memory > MOST_MEMORY else ""
    )
    return Trial(number, " ".join(arguments)[:200], done.returncode, done.stderr.strip(), *used, problem)


def _arguments(chance: random.Random, path: Path) -> list[str]:
    settings = ["--set", chance.choice(SETTINGS)] if chance.random() < 0.1 else []
    if path.parent.name == "sweeps" or b"sweep" in path.read_bytes():
        return ["sweep", path.name, "--dry-run", *settings]
    if chance.random() < 0.4:
        return ["inspect", path.name, "--json", *settings]
    return ["run", path.name, "--dry-run", *settings]


def _problem(code: int, message: str) -> str:
    """Return what is wrong with how a command ended; an empty text where nothing is."""
    if "Traceback" in message or "internal error" in message:
        return "it is not a sentence about the definition"
    if code not in (0, 2):
        return f"exit code {code}"
    *notes, last = message.strip().splitlines() or [""]
    if code == 2 and (not last.startswith("error: ") or any(note.startswith("error: ") for note in notes)):
        return "it is no error message"
    if code == 2 and len(message) > LONGEST_MESSAGE:
        return f"a message of {len(message)} characters"
    return ""


@cache
def _parts_of_all() -> list[Any]:
    return [part for path in SHIPPED for part in parts(yaml.safe_load(path.read_text(encoding="utf-8")))]
