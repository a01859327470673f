"""Whether an artifact of a run is a file of it, and of a size that overthink writes, before it is read or written.

Nothing that a store holds is trusted: there may be links, pipes, devices, and files of any size.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from overthink.store.uri import local_folder

if TYPE_CHECKING:
    from mlflow.store.artifact.artifact_repo import ArtifactRepository

LARGEST = {".json": 32_000_000, ".parquet": 4_000_000_000, ".safetensors": 4_000_000_000}
LARGEST_OTHER = 1_000_000_000
"""Bytes of an artifact that is read."""


def check_artifact(repository: "ArtifactRepository", name: str) -> None:
    """Raise ValueError where an artifact is no file, or larger than overthink writes such, before it is fetched."""
    if (folder := local_folder(repository.artifact_uri)) is not None:
        check_file(folder, name)
        return
    for found in repository.list_artifacts(name.rpartition("/")[0] or None):
        if found.path == name and not found.is_dir:
            check_size(name, found.file_size or 0)


def is_there(repository: "ArtifactRepository", name: str) -> bool:
    """Tell whether a run has an artifact, without fetching it."""
    if (folder := local_folder(repository.artifact_uri)) is not None:
        return (folder / name).exists()
    return any(found.path == name for found in repository.list_artifacts(name.rpartition("/")[0] or None))


def check_file(folder: Path, name: str) -> None:
    """Raise ValueError where an artifact in a run's folder on this machine is no file of it, or larger than such are.

    What is not there is none of its concern. A link leads out of the folder, to a file of somebody else; a pipe or a
    device is never read to its end.
    """
    path = folder / name
    check_place(folder, name)
    if not path.exists():
        return
    if not path.is_file():
        raise ValueError("it is no file")
    check_size(name, path.stat().st_size)


def check_place(folder: Path, name: str) -> None:
    """Raise ValueError where a link leads from a run's folder on this machine to somewhere else."""
    links = folder.is_symlink() or folder.parent.is_symlink()
    if links or not Path(os.path.realpath(folder / name)).is_relative_to(os.path.realpath(folder)):
        raise ValueError("it is a link that leads out of the run's folder")


def check_size(name: str, size: int) -> None:
    """Raise ValueError where an artifact is larger than overthink writes such."""
    largest = LARGEST.get(Path(name).suffix, LARGEST_OTHER)
    if size > largest:
        raise ValueError(f"it has {size:,} bytes, more than {largest:,}")
