"""The options of `overthink import`: what their texts mean, and the command that has them."""

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overthink.cli.options import check_alone
from overthink.sentences import utf_8

if TYPE_CHECKING:
    from overthink.predictions.arrays import IntArray
    from overthink.predictions.columns import Axes
    from overthink.predictions.importing import ExitCosts
    from overthink.seeds import Seeds

SEED = "{seed}"
UNITS = ("MUL-ADDs", "seconds", "relative")


def axes_of(axes: str | None) -> "Axes | None":
    """Return the order of exits and samples that --axes names."""
    known: dict[str, Axes] = {"EN": "EN", "NE": "NE"}
    if axes is not None and axes not in known:
        raise ValueError(f"--axes {axes}: expected EN (exits first) or NE (samples first)")
    return None if axes is None else known[axes]


def costs_of(text: str | None, unit: str | None) -> "ExitCosts | None":
    """Return the costs of --costs; raises ValueError where they are no costs of that unit."""
    from overthink.predictions.arrays import check_costs
    from overthink.predictions.arrays import costs as as_array
    from overthink.predictions.importing import ExitCosts

    if unit is not None and unit not in UNITS:
        raise ValueError(f"--cost-unit {unit}: expected MUL-ADDs, seconds or relative")
    if text is None:
        check_alone("--cost-unit", unit, "--costs")
        return None
    unit = UNITS[0] if unit is None else unit
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        raise ValueError(f"--costs {text}: expected numbers separated by commas, e.g. 7e6,14e6") from None
    if unit == "MUL-ADDs" and not all(value.is_integer() for value in values):
        raise ValueError(f"--costs {text}: MUL-ADDs are integers; name another unit with --cost-unit")
    known: Any = unit
    try:
        check_costs(as_array([int(one) if unit == "MUL-ADDs" else one for one in values], known), len(values), known)
    except ValueError as error:
        raise ValueError(f"--costs {text}: {str(error).replace('cost_E', 'costs')}") from None
    return ExitCosts(tuple(int(one) for one in values) if unit == "MUL-ADDs" else values, known)


def seeds_of(seed: int | None, by_stream: str | None) -> "Seeds | None":
    """Return the seeds of --seed or --seeds; None where neither is given."""
    from overthink.seeds import LARGEST_SEED, Seeds

    if by_stream is None:
        if seed is not None and seed > LARGEST_SEED:
            raise ValueError(f"--seed {seed}: expected at most 2^63 - 1")
        return None if seed is None else Seeds.same(seed)
    if seed is not None:
        raise ValueError("--seed and --seeds exclude each other; give one of them")
    found = re.findall(r"(split|init|order|augment|kernel|repeat)=([0-9]{1,18})(?:,|$)", by_stream)
    given = {stream: int(number) for stream, number in found}
    once = len(given) == len(found)
    if not once or ",".join(f"{stream}={number}" for stream, number in found) != by_stream or "init" not in given:
        raise ValueError(f"--seeds {by_stream}: expected seeds by stream with one of init, e.g. split=0,init=3")
    return Seeds.same(given["init"]).model_copy(update=given)


def files_of(patterns: Mapping[str, str], seeds: "Seeds | None") -> "dict[Seeds, dict[str, Path]]":
    """Return the files of each run by its seeds: one run, or where names hold {seed}, one a test file."""
    from overthink.seeds import LARGEST_SEED, Seeds

    zero = Seeds.same(0)
    if not any(SEED in pattern for pattern in patterns.values()):
        return {seeds or zero: {split: Path(pattern) for split, pattern in patterns.items()}}
    if seeds is not None:
        raise ValueError(f"--seed and --seeds cannot be used where file names hold {SEED}")
    if without := [pattern for pattern in patterns.values() if pattern.count(SEED) != 1]:
        raise ValueError(f"{without[0]}: the names of all files must hold {SEED} once, or none")
    numbers = [number for number in _numbers(patterns["test"]) if number <= LARGEST_SEED]
    if not numbers:
        raise ValueError(f"--test {patterns['test']}: no such files")
    return {
        Seeds.same(number): {split: Path(pattern.replace(SEED, str(number))) for split, pattern in patterns.items()}
        for number in sorted(numbers)
    }


def _numbers(pattern: str) -> list[int]:
    from glob import escape, glob

    before, after = pattern.split(SEED)
    names = glob(f"{escape(before)}*{escape(after)}")
    found = (name[len(before) : len(name) - len(after)] for name in names)
    return [int(text) for text in found if re.fullmatch("0|[1-9][0-9]{0,18}", text)]


def labels_of(dataset: str, data_root: Path | None) -> "IntArray | None":
    """Return the test labels of a data set that is on this machine; None where it is not."""
    if not dataset:
        return None
    from overthink.data.catalogue import ENTRIES, load_dataset
    from overthink.data.digits import default_root

    root = data_root or default_root()
    entry = next((entry for entry in ENTRIES if entry.example.kind == dataset), None)
    if entry is None or dataset in ("folder", "npz", "max-min-mnist") or not entry.example.is_here(root):
        return None
    return load_dataset(entry.example, root).test.labels_N


def command_of(
    name: str, files: Mapping[str, str], seed: int | None, seeds: str | None, given: Mapping[str, str | None]
) -> str:
    """Return the command that does the same again, without folders: these are of one machine."""
    parts = {split: utf_8(Path(pattern).name) for split, pattern in files.items()}
    parts |= {} if SEED in files["test"] or seed is None else {"seed": str(seed)}
    parts |= {} if seeds is None else {"seeds": seeds}
    parts |= {option: value for option, value in given.items() if value}
    return " ".join(["overthink import", shlex.quote(name), *(f"--{k} {shlex.quote(v)}" for k, v in parts.items())])
