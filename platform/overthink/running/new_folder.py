"""A folder that appears whole or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Yield a folder to fill; it gets its name once the block has ended without an error, else nothing is left.

    Raises ValueError where a folder or file of that name exists.
    """
    if folder.exists():
        raise ValueError(f"{folder}: it exists already, and nothing in it is overwritten")
    missing = [place for place in folder.parents if not place.exists()]
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        with TemporaryDirectory(dir=folder.parent, prefix=".unfinished-") as unfinished:
            place = Path(unfinished) / "folder"
            place.mkdir()
            yield place
            place.rename(folder)
    except BaseException:
        with suppress(OSError):  # somebody else has put something there
            for made in missing:
                made.rmdir()
        raise
