"""Downloads of published files through torchvision; a file gets its final name only when complete and checked."""

import os
import re
import tarfile
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from overthink.atomic_file import atomic_write
from overthink.data.files import check_file
from overthink.file_lock import file_lock


class Archive(NamedTuple):
    """A published archive that unpacks to one folder."""

    source: str
    """Its name in `overthink data get`."""
    url: str
    md5: str
    folder: str
    members: str
    """Pattern of the names, below the folder, that are unpacked; other files of the archive are not."""

    @property
    def name(self) -> str:
        """Its file name."""
        return self.url.rsplit("/", 1)[-1]


def fetch_file(url: str, md5: str, path: Path) -> None:
    """Download a file and show progress; raises OSError if that fails or the checksum is wrong."""
    from torchvision.datasets.utils import download_url

    try:
        with atomic_write(path) as part:
            download_url(url, str(part.parent), filename=part.name, md5=md5)
    except (RuntimeError, OSError, HTTPException) as error:  # torchvision raises RuntimeError for a wrong checksum
        raise OSError(f"{url} could not be downloaded to {path}: {' '.join(str(error).split())}") from error


def fetch_archive(archive: Archive, root: Path) -> None:
    """Unpack an archive into a folder, unless it is unpacked; an archive file in the folder is used if there is one.

    Raises OSError if the download fails, ValueError naming an archive file that is damaged.
    """
    if (root / archive.folder).exists():
        return
    with suppress(OSError):  # fetching then shows what is wrong
        root.mkdir(parents=True, exist_ok=True)
    with file_lock(root / f".{archive.folder}.lock"):
        if not (root / archive.folder).exists():  # another command has fetched it
            _fetch_archive(archive, root)


def _fetch_archive(archive: Archive, root: Path) -> None:
    path = root / archive.name
    had_file = path.is_file()
    if not had_file:
        fetch_file(archive.url, archive.md5, path)
    check_file(path, archive.md5, archive.source)
    _unpack(archive, path, root)
    if not had_file:
        path.unlink(missing_ok=True)


def _unpack(archive: Archive, path: Path, root: Path) -> None:
    expected = re.compile(f"{re.escape(archive.folder)}/(?:{archive.members})")
    with TemporaryDirectory(dir=root, prefix=".unpacking-") as scratch, tarfile.open(path) as tar:
        members = [member for member in tar if member.isfile() and expected.fullmatch(member.name)]
        if not members:
            raise ValueError(f"{path}: contains no files of {archive.folder}")
        tar.extractall(scratch, members=members, filter="data")
        os.replace(Path(scratch) / archive.folder, root / archive.folder)
