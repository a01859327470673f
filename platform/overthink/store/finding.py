"""Finding runs by their tags."""

from overthink.store.readable_store import ReadableStore
from overthink.store.stored import StoredRun


def find_runs(store: ReadableStore, **wanted: str) -> list[StoredRun]:
    """Return the runs whose tags have the wanted values (names without the `overthink.`), newest first."""
    named = {f"overthink.{name}": quoted(value) for name, value in wanted.items()}
    return [run.parsed() for run in store.tagged(named)]


def quoted(value: str) -> str:
    """Return a value that may stand in MLflow's filter conditions; raises ValueError for others."""
    if "'" in value:
        raise ValueError(f"{value!r} cannot be searched for in a store")
    return value
