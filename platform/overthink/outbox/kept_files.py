"""Files that a journal keeps until they are uploaded: `files/NUMBER OF THE ENTRY/NAME` in its folder."""

import os
import shutil
from glob import escape
from pathlib import Path

from overthink.atomic_file import sync
from overthink.outbox.journal_folder import FILES


def entry_of(kept: str) -> int:
    """Return the number of the entry that a file is kept for, by its name in the journal."""
    return int(Path(kept).parent.name)


class KeptFiles:
    """The files of the journal in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, file: Path, number: int) -> str:
        """Keep a finished file for an entry; return its name. What replaces the original later is another file."""
        path = self._new_path(file.name, number)
        try:
            os.link(file, path)
        except OSError:  # another file system, or one without links
            shutil.copyfile(file, path)
        return self._kept(path)

    def keep_text(self, name: str, text: str, number: int) -> str:
        """Keep a text for an entry, as a file; return its name."""
        path = self._new_path(name, number)
        path.write_text(text, encoding="utf-8", errors="replace")
        return self._kept(path)

    def remove(self, kept: str) -> None:
        """Remove a file."""
        (self._folder / kept).unlink(missing_ok=True)

    def is_replaced(self, kept: str) -> bool:
        """Tell whether a file was removed because there is a newer one of its name."""
        name = escape(Path(kept).name)
        newer = (int(path.parent.name) > entry_of(kept) for path in (self._folder / FILES).glob(f"*/{name}"))
        return not (self._folder / kept).exists() and any(newer)

    def _new_path(self, name: str, number: int) -> Path:
        folder = self._folder / FILES / str(number)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / Path(name).name
        path.unlink(missing_ok=True)  # from an entry that could not be written
        return path

    def _kept(self, path: Path) -> str:
        for made in (path, path.parent, path.parent.parent, self._folder):
            sync(made)
        return str(path.relative_to(self._folder))
