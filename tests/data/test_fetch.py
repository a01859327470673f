"""Fetching from a server on this machine: what arrives is whole and checked, or nothing is left behind."""

import hashlib
import io
import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import IncompleteRead
from pathlib import Path
from threading import Barrier

import pytest

from overthink.data import svhn
from overthink.data.catalogue import FETCHABLE
from overthink.data.fetch import Archive, fetch_archive, fetch_file
from overthink.data.svhn import get_svhn
from support.data_files import svhn as svhn_files
from support.data_files import written
from support.file_server import serving


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder and its address."""
    folder = tmp_path / "served"
    folder.mkdir()
    with serving(folder) as url:
        yield folder, url


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def packed(path: Path, contents: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("some/link.bin")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    return path


CONTENTS = {
    "some/a.bin": b"a",
    "some/note.txt": b"no",
    "../evil.bin": b"e",
    "some/../../worse.bin": b"w",
    "/x.bin": b"x",
}


def archive(served: tuple[Path, str], contents: dict[str, bytes] = CONTENTS) -> Archive:
    folder, address = served
    path = packed(folder / "some.tar.gz", contents)
    return Archive("some-data", f"{address}/some.tar.gz", md5(path), "some", r"\w+\.bin")


def files(root: Path) -> list[str]:
    """Return what is in a folder, without locks."""
    found = (path for path in root.rglob("*") if path.is_file() and path.suffix != ".lock")
    return sorted(str(path.relative_to(root)) for path in found)


def test_only_expected_members_are_unpacked(tmp_path: Path, served: tuple[Path, str]) -> None:
    fetch_archive(archive(served), tmp_path / "data")
    assert files(tmp_path / "data") == ["some/a.bin"]
    assert not (tmp_path / "evil.bin").exists()
    (served[0] / "some.tar.gz").unlink()
    fetch_archive(archive(served), tmp_path / "data")  # it is here: nothing is fetched


def test_another_archive_leaves_nothing(tmp_path: Path, served: tuple[Path, str]) -> None:
    wanted = archive(served)
    path = served[0] / "some.tar.gz"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(OSError, match=r"could not be downloaded to .*corrupted"):
        fetch_archive(wanted, tmp_path / "data")
    path.unlink()
    with pytest.raises(OSError, match=r"could not be downloaded to .*404"):
        fetch_archive(wanted, tmp_path / "data")
    assert files(tmp_path / "data") == []
    with pytest.raises(ValueError, match="contains no files of some"):
        fetch_archive(archive(served, {"other/a.bin": b"a"}), tmp_path / "data")
    assert not (tmp_path / "data" / "some").exists()


def test_two_commands_at_once_fetch_it_once(tmp_path: Path, served: tuple[Path, str]) -> None:
    wanted, start = archive(served), Barrier(3)

    def fetch(_: int) -> None:
        start.wait()
        fetch_archive(wanted, tmp_path / "data")

    with ThreadPoolExecutor(3) as threads:
        [*threads.map(fetch, range(3))]
    assert files(tmp_path / "data") == ["some/a.bin"]


def test_a_server_that_breaks_off_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise IncompleteRead(b"half")

    monkeypatch.setattr("torchvision.datasets.utils.download_url", broken)
    with pytest.raises(OSError, match=r"could not be downloaded to .*IncompleteRead"):
        fetch_file("http://127.0.0.1:9/some", "0" * 32, tmp_path / "some")


def test_an_archive_that_was_brought_is_used_and_kept(tmp_path: Path, served: tuple[Path, str]) -> None:
    wanted = archive(served)
    path = served[0] / "some.tar.gz"
    content = path.read_bytes()
    path.unlink()
    brought = written(tmp_path / "data" / "some.tar.gz", content[:-9])
    with pytest.raises(ValueError, match=r"some\.tar\.gz: expected md5 .*run `overthink data get some-data`"):
        fetch_archive(wanted, tmp_path / "data")
    brought.write_bytes(content)
    fetch_archive(wanted, tmp_path / "data")
    assert files(tmp_path / "data") == ["some.tar.gz", "some/a.bin"]


def test_svhn_file_by_file(tmp_path: Path, served: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    made = svhn_files(tmp_path / "made") / "svhn"
    for path in made.iterdir():
        monkeypatch.setitem(svhn.MD5, path.name, md5(path))
        written(served[0] / path.name, path.read_bytes())
    monkeypatch.setattr(svhn, "URL", f"{served[1]}/")
    get_svhn(tmp_path / "data")
    assert files(tmp_path / "data") == [f"svhn/{name}" for name in sorted(svhn.MD5)]
    written(tmp_path / "data" / "svhn" / "test_32x32.mat", b"half")
    with pytest.raises(ValueError, match=r"test_32x32\.mat: expected md5 .* \(4 bytes\); delete it and run"):
        get_svhn(tmp_path / "data")


def test_nowhere(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="could not be downloaded to") as caught:
        fetch_file("http://127.0.0.1:9/some", "0" * 32, tmp_path / "data" / "some")
    assert len(str(caught.value).splitlines()) == 1
    assert files(tmp_path / "data") == []


def test_what_can_be_fetched() -> None:
    assert set(FETCHABLE) == set(
        "mnist fashion-mnist cifar-10 cifar-100 svhn imagenette2-160 imagenette2-320 imagenette2".split()
    )
