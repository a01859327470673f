"""Stores with one damaged run through the commands: all other runs are shown, quickly, in little memory."""

import random
import re
import shutil
import traceback
import warnings
from functools import cache
from importlib import import_module
from pathlib import Path
from tempfile import mkdtemp
from typing import NamedTuple

from fuzz.damage import damage
from fuzz.processor import limited
from fuzz.trial import Trial
from support.command import invoke
from support.hostile import GROUPS, LONG_0, RUNS, Damaged

LONGEST_LINE = 600
LONGEST_OUTPUT = 40_000
LONGEST_SECONDS = 60
"""Of the processor."""
MOST_MEMORY = 10**9
"""Bytes of one command, beyond what the process had before it: torch, MLflow and plotly."""
COMMANDS = 3
"""In one trial, beside `compare`."""
OF_ALL: tuple[tuple[str, ...], ...] = (
    *(("report", "small"), ("report", "tied"), ("report", "small-policy"), ("report", "small", "--against", "short")),
    *(("analyse",), ("analyse", "small"), ("study", "tied"), ("study", "small", "--json"), ("frequency", "small")),
    *(("compare", "--table", "policy"), ("compare", "--by", "network"), ("compare", "--against", "small: short")),
    *(("compare", "--format", form) for form in ("json", "csv", "latex", "markdown", "html")),
    *(("compare", "small"), ("run", "small.yaml", "--dry-run"), ("api",)),
)
"""What shows many runs: exit code 0, or 3 where some of them are not shown."""
OF_ONE: tuple[tuple[str, ...], ...] = (
    *(
        ("budget", "{}", "--mul-adds", "2e5"),
        ("budget", "{}", "--mul-adds", "2e5", "--criterion", "entropy", "--scale"),
    ),
    *(("anytime", "{}"), ("labels", "{}"), ("labels", "{}", "--averaged-over", "0,1", "--split", "test")),
    *(
        ("bench", "{}", "--rounds", "1", "--batch", "1", "--threads", "1"),
        ("grad-cam", "{}"),
        ("diff", "{}", "small: long seed 1"),
    ),
    *(
        ("diff", "small: short", "{}"),
        ("predict", "{}", "image.png"),
        ("predict", "{}", "image.png", "--budget", "2e5"),
    ),
    *(("run", "run:{}", "--dry-run"), ("report", "{}"), ("compare",)),
)
"""What shows one run: where that cannot be, an error that names it."""
NO_SENTENCE = re.compile(
    r"broadcast|must have the same shape|zero-size|object has no attribute|not subscriptable|unhashable|"
    r"list index|out of bounds|math domain|codec can't|invalid literal|unexpected keyword|NoneType|<class|Errno",
)
"""What Python and NumPy say, and nobody who reads it understands."""


OPTIONS = (
    "are needed, which these predictions do not have",
    *(": no finished training of ", "exits must be at least two of 1 to 1"),
    "no arm has two finished runs yet",
)
"""What is wrong with what was asked for: runs of this store have kept no logits, some groups have one seed."""


class _Call(NamedTuple):
    """A command, and the run that it is about."""

    arguments: tuple[str, ...]
    of_one: str
    """Its id; empty where it is about all."""


def prepare() -> None:
    """Import what every trial needs."""
    for name in (
        "report.experiments",
        "report.analysis",
        "running.frequencies",
        "running.classify",
        "cli.commands.study",
    ):
        import_module(f"overthink.{name}")
    _whole()


def trial(seed: int, number: int, folder: Path) -> Trial:
    """Damage a run of a store in a folder, by the chance of a seed and a number, and look at it with some commands."""
    chance = random.Random(f"{seed} {number}")
    shutil.copytree(_whole(), folder, dirs_exist_ok=True)
    damaged, run_id = Damaged(folder), chance.choice((*RUNS, *GROUPS.values()))
    damage(chance, damaged, run_id)
    found = [_looked_at(damaged, run_id, call) for call in _calls(chance, run_id)]
    _forget(folder)
    worst = next((one for one in found if one.problem), max(found, key=lambda one: len(one.message)))
    seconds, memory = sum(one.seconds for one in found), max(one.memory for one in found)
    return worst._replace(number=number, seconds=seconds, memory=memory)


def _calls(chance: random.Random, run_id: str) -> list[_Call]:
    calls = [_Call(("compare",), "")]
    for _ in range(COMMANDS):
        if chance.random() < 0.6:
            calls.append(_Call(chance.choice(OF_ALL), ""))
        else:
            arguments = chance.choice(OF_ONE)
            run = chance.choice((run_id, run_id, LONG_0))
            calls.append(_Call(tuple(word.format(run) for word in arguments), run))
    return calls


def _looked_at(damaged: Damaged, run_id: str, call: _Call) -> Trial:
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        if call.arguments == ("api",):
            (code, out, err), used = limited(lambda: _api(damaged), LONGEST_SECONDS)
        else:
            done, used = limited(lambda: invoke(damaged.folder, *call.arguments), LONGEST_SECONDS)
            code, out, err = done.returncode, done.stdout, done.stderr
    problem = _problem(call, code, out, err) or _lost(damaged, run_id, call, out)
    if not problem and used.memory > MOST_MEMORY:
        problem = f"{used.memory} bytes of memory"
    if not problem and any(damaged.outside.iterdir()):
        problem = "it wrote to where a link leads"
    return Trial(0, f"{' '.join(call.arguments)} of {run_id[:8]}", code, err.strip(), *used, problem)


def _problem(call: _Call, code: int, out: str, err: str) -> str:
    """Return what is wrong with how a command ended; an empty text where nothing is."""
    longest, asked = max(map(len, err.splitlines()), default=0), any(words in err for words in OPTIONS)
    # By its id or its name; a group of one run stands for that run.
    names = [name for name, of in GROUPS.items() if of == call.of_one]
    names += [run_id[:8] for run_id in (call.of_one, *_members(call.of_one))]
    named = " seed " in err or any(name in err for name in names)
    wrong = {
        "it is not a sentence about the store": "Traceback" in err or "internal error" in err or "Warning:" in err,
        "a sentence that nobody understands": NO_SENTENCE.search(err),
        f"exit code {code}": code not in ((0, 1, 2, 3) if call.of_one or asked else (0, 3)),
        "it does not name the run": call.of_one and code in (1, 2) and not named and not asked,
        "a message that is too long": longest > LONGEST_LINE or len(err) > LONGEST_OUTPUT,
        "it steers the terminal": {*"\x1b\u202e\x00\r"} & {*out, *err},
    }
    return next((problem for problem, is_so in wrong.items() if is_so), "")


def _lost(damaged: Damaged, run_id: str, call: _Call, out: str) -> str:
    """Return which groups are not shown although no run of theirs is damaged."""
    definition, _, _ = next((name for name, of in GROUPS.items() if run_id in (of, *_members(of))), "").partition(":")
    others = {"small": "small: long", "tied": "small: long"}
    if call.arguments == ("compare",) and run_id != LONG_0 and run_id != GROUPS["small: long"]:
        return "" if "11.25 ± 1.77" in out else "another group is not shown"
    if call.arguments == ("report", "small") and definition != "small":
        page = (damaged.folder / "report.html").read_text(encoding="utf-8")
        return "" if f"{others['small']} (n = 2)" in page else "another group has no figures"
    return ""


@cache
def _members(group: str) -> tuple[str, ...]:
    rows = Damaged(_whole()).rows(
        "SELECT run_uuid FROM tags WHERE key = 'overthink.group_key' AND value = "
        "(SELECT value FROM tags WHERE key = 'overthink.group_key' AND run_uuid = ?)",
        group,
    )
    return tuple(run_id for (run_id,) in rows)


def _api(damaged: Damaged) -> tuple[int, str, str]:
    """What a notebook does."""
    import overthink

    store, said = damaged.folder / "mlflow.db", []
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        warnings.simplefilter("error", RuntimeWarning)
        try:
            frame = overthink.runs(store)
            table = overthink.overthinking_table(store).markdown()
            overthink.over_seeds(frame, "test/accuracy/last")
            long = frame[frame["group_key"] == "9d4dc7a6b3479aa9"]
            if len(long):
                overthink.figures(long, store)
        except ValueError as error:
            return 0, "", str(error)
        except Exception:  # noqa: BLE001 - a problem of this trial
            return 1, "", traceback.format_exc()
    said = [str(one.message) for one in warned]
    return (0 if "small: long" in table else 1), "", "\n".join(said)


@cache
def _whole() -> Path:
    folder = Path(mkdtemp(prefix="overthink-fuzz-"))
    Damaged.unpacked(folder)
    _image(folder / "image.png")
    return folder


def _image(path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (28, 28), (200, 10, 10)).save(path)


def _forget(folder: Path) -> None:
    """Close the database, which MLflow keeps open as long as the process lives."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    for uri in [uri for uri in SqlAlchemyStore._engine_map if str(folder) in uri]:
        SqlAlchemyStore._engine_map.pop(uri).dispose()
