"""Reads journals of versions before journal.db: `entries.jsonl`, an entry a line, and `delivered.json`."""

import json
from contextlib import suppress
from pathlib import Path

ENTRIES, PROGRESS = "entries.jsonl", "delivered.json"


def read(folder: Path) -> tuple[list[str], tuple[int, str | None]]:
    """Return the entries, and how many of them are uploaded, under which run id.

    A last line that was cut off while it was written is left out. Raises ValueError where another one is damaged.
    """
    path, entries = folder / ENTRIES, []
    lines = path.read_bytes().split(b"\n")[:-1]
    for number, line in enumerate(lines, start=1):
        try:
            entry = json.loads(line)
            if entry.pop("n") != number:
                raise ValueError("it has another number")
            if entry["do"] == "begin":
                entry["group"] = entry.pop("place")
            elif entry["do"] == "mention":
                entry["do"] = "link"
            entries.append(json.dumps(entry))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            if number < len(lines):
                raise ValueError(f"{path}: entry {number} is damaged ({error})") from error
    with suppress(OSError, ValueError, TypeError, KeyError):
        known = json.loads((folder / PROGRESS).read_text(encoding="utf-8"))
        return entries, (known["entries"], known["run_id"])
    return entries, (0, None)


def remove(folder: Path) -> None:
    """Remove it, once its entries are in the database."""
    (folder / PROGRESS).unlink(missing_ok=True)
    (folder / ENTRIES).unlink()
