"""Fetching what others publish, through torchvision: nothing bears its final name before it is whole and checked."""

import os
import re
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from overthink.atomic_file import atomic_write
from overthink.data.files import check_file


class Archive(NamedTuple):
    """A published archive that unpacks to one folder."""

    source: str
    """What `overthink data get` calls it."""
    url: str
    md5: str
    folder: str
    members: str
    """Pattern of the names that are unpacked, below the folder; whatever else an archive holds is left in it."""

    @property
    def name(self) -> str:
        """Name of its file."""
        return self.url.rsplit("/", 1)[-1]


def fetch_file(url: str, md5: str, path: Path) -> None:
    """Fetch a file with progress; raises OSError where that fails or something else arrives."""
    from torchvision.datasets.utils import download_url

    try:
        with atomic_write(path) as part:
            download_url(url, str(part.parent), filename=part.name, md5=md5)
    except (RuntimeError, OSError) as error:  # RuntimeError is torchvision's word for a wrong checksum
        raise OSError(f"{url} could not be fetched into {path}: {' '.join(str(error).split())}") from error


def fetch_archive(archive: Archive, root: Path) -> None:
    """Have an archive unpacked under a root; one that lies there already is used instead of the network's.

    Raises OSError where it cannot be fetched, and ValueError naming the file where one that lies there is damaged.
    """
    if (root / archive.folder).exists():
        return
    path = root / archive.name
    brought = path.is_file()
    if not brought:
        fetch_file(archive.url, archive.md5, path)
    check_file(path, archive.md5, archive.source)
    _unpack(archive, path, root)
    if not brought:
        path.unlink()


def _unpack(archive: Archive, path: Path, root: Path) -> None:
    expected = re.compile(f"{re.escape(archive.folder)}/(?:{archive.members})")
    with TemporaryDirectory(dir=root, prefix=".unpacking-") as scratch, tarfile.open(path) as tar:
        members = [member for member in tar if member.isfile() and expected.fullmatch(member.name)]
        if not members:
            raise ValueError(f"{path}: holds no files of {archive.folder}")
        tar.extractall(scratch, members=members, filter="data")
        os.replace(Path(scratch) / archive.folder, root / archive.folder)
