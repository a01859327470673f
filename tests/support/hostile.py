"""A small real store in which one run is to be damaged: every other one must still be shown."""

import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from overthink.store import tags
from support.old_store import unpack

LONG_0, SHORT_0, SHORT_1 = (
    "b99b694334874afaa873aaceab7f5459",
    "d95c1f12013b488fba9ce517b323630d",
    "187e2d964636491bbc2e9b1e3d217e54",
)
"""Runs of the definition `small`, by variant and seed; the first has a checkpoint."""
TIED_REPEAT, TIED_INIT = "943888773e744c7dad0159348e6a0ca7", "2bd53fc5b13d48229cc87b541bf11e50"
"""Runs of the study `tied`."""
POLICY_RUN = "c1108828f46c436e9b1419ff745801b5"
"""A policy network of LONG_0."""

RUNS = (LONG_0, SHORT_0, SHORT_1, TIED_REPEAT, TIED_INIT, POLICY_RUN)
GROUPS = {
    "small: short": "dcd3da6d4053464ba714d831f98dbb7f",
    "small: long": "2b00cf2807174dfb9bc9e267da8666ad",
    "tied: base": "8c670b2d78d541dabcab04025e3a5864",
    "small-policy: base": "eade9a6e95ba41d3bd8366dca55f3274",
}


@dataclass(frozen=True)
class Damaged:
    """The store in a folder, to be damaged."""

    folder: Path

    @property
    def outside(self) -> Path:
        """A folder that nothing of the store may reach."""
        return self.folder / "outside"

    @classmethod
    def unpacked(cls, folder: Path) -> "Damaged":
        """Unpack the store into a folder, with nothing queued, and the validation predictions that it lacks."""
        unpack(folder)
        shutil.rmtree(folder / ".overthink")
        made = cls(folder)
        made.outside.mkdir()
        for run_id in (TIED_REPEAT, TIED_INIT):  # networks of the same costs
            shutil.copy(made.artifact(SHORT_0, "predictions/val.parquet"), made.artifact(run_id, "predictions"))
        return made

    def artifact(self, run_id: str, name: str) -> Path:
        """Return where an artifact of a run is."""
        return next((self.folder / "mlruns").glob(f"*/{run_id}")) / "artifacts" / name

    def sql(self, statement: str, *values: Any) -> None:
        """Change the database as any program can that is allowed to write it."""
        with closing(sqlite3.connect(self.folder / "mlflow.db")) as connection, connection:
            connection.execute("PRAGMA ignore_check_constraints = 1")
            connection.execute(statement, values)

    def many(self, statement: str, values: list[Any]) -> None:
        """Change the database in many rows."""
        with closing(sqlite3.connect(self.folder / "mlflow.db")) as connection, connection:
            connection.executemany(statement, values)

    def rows(self, statement: str, *values: Any) -> list[Any]:
        """Return rows of the database."""
        with closing(sqlite3.connect(self.folder / "mlflow.db")) as connection:
            connection.text_factory = lambda text: text.decode(errors="replace")
            return connection.execute(statement, values).fetchall()

    def tag(self, run_id: str, key: str, value: Any) -> None:
        """Set a tag of a run."""
        self.sql("INSERT OR REPLACE INTO tags (key, value, run_uuid) VALUES (?, ?, ?)", key, value, run_id)

    def metric(self, run_id: str, key: str, value: Any, is_nan: int = 0) -> None:
        """Set the last value of a metric of a run."""
        self.sql("DELETE FROM latest_metrics WHERE run_uuid = ? AND key = ?", run_id, key)
        self.sql(
            "INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES (?, ?, 0, 3, ?, ?)",
            *(key, value, is_nan, run_id),
        )

    def rewrite(self, run_id: str, name: str, content: Any) -> None:
        """Write an artifact anew: text, bytes, or plain data as JSON."""
        data = content if isinstance(content, bytes | str) else json.dumps(content)
        self.artifact(run_id, name).write_bytes(data if isinstance(data, bytes) else data.encode())


ARTIFACTS = (
    *("predictions/val.parquet", "predictions/test.parquet", "predictions/everything.parquet"),
    *(tags.DEFINITION_FILE, tags.PROVENANCE_FILE, "checkpoint/checkpoint.safetensors"),
)
