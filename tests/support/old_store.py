"""A store that commit cabcc80 made, as people may still have one: database, artifacts, state folder.

It has a definition of two variants and two seeds, one of its groups with `--set`, a policy network, a study, a run that
was killed after some epochs, and the journal of a run that finished while its server was killed. What no test reads
(figures, most checkpoints) was cut from it.
"""

import json
import sqlite3
import tarfile
from pathlib import Path

ARCHIVE = Path(__file__).with_name("cabcc80.tar.xz")
PLACE = "/made-at-cabcc80"
"""Stands in the archive for the folder in which the store was made."""


def unpack(folder: Path) -> Path:
    """Unpack the store into a folder, to which the paths in it then lead; return its database."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    with sqlite3.connect(folder / "mlflow.db") as database:
        for table, column in (("experiments", "artifact_location"), ("runs", "artifact_uri")):
            database.execute(f"UPDATE {table} SET {column} = replace({column}, ?, ?)", (PLACE, str(folder)))
    database.close()
    for journal in (folder / ".overthink" / "journals").iterdir():
        _rewrite(journal, folder)
    return folder / "mlflow.db"


def _rewrite(journal: Path, folder: Path) -> None:
    """Let a journal lead to a folder; how much of it was delivered is counted in bytes, too."""
    lines = [line.replace(PLACE, str(folder)) for line in (journal / "entries.jsonl").read_text().splitlines(True)]
    (journal / "entries.jsonl").write_text("".join(lines))
    delivered = journal / "delivered.json"
    if delivered.exists():
        known = json.loads(delivered.read_text())
        known["bytes"] = sum(len(line.encode()) for line in lines[: known["entries"]])
        delivered.write_text(json.dumps(known))
