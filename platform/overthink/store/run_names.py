"""Names of runs and groups in a store. What tells them apart comes first: MLflow's column of names cuts off the end."""

import re

SEPARATOR = " · "


def group_name(definition: str, variant: str, changes: str = "") -> str:
    """Return the name of a group; `changes` are those of `--set`, or a sweep's, as text.

    >>> group_name("quickstart", "long", "dataset.train=2400")
    'long · train=2400 · quickstart'
    """
    return SEPARATOR.join(filter(None, (variant, _brief(changes), definition)))


def run_name(group: str, seeds: str) -> str:
    """Return the name of a run by that of its group.

    >>> run_name("long · quickstart", "0")
    'seed 0 · long · quickstart'
    """
    return f"seed {seeds}{SEPARATOR}{group}"


def _brief(changes: str) -> str:
    """Return changes with the last part of each path, if those differ."""
    paths = re.findall(r"(?:^|(?<=, ))[\w.]+(?==)", changes)
    last = {path.rpartition(".")[2] for path in paths}
    return changes if len(last) < len(paths) else re.sub(r"(?:^|(?<=, ))[\w.]+\.(?=\w+=)", "", changes)
