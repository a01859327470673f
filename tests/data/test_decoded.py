"""The cache of decoded images: never stale, never in the way."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from overthink.data import decoded, image_file
from overthink.data.decoded import Decoded, decode
from overthink.data.image_file import Size
from overthink.data.image_tree import find_images
from overthink.data.own import FolderSpec
from support.data_files import picture

SPEC = FolderSpec(kind="folder", path="mine", size=6, classes=2)
DATE = (10**9, 10**9)


def images_of(root: Path) -> Decoded:
    return decode(find_images(root / "train", 2), Size(3, 6, False), root)


def root_with(root: Path, *names: str) -> Path:
    """Images of equal size in bytes and equal date, each of its own colour."""
    for value, name in enumerate(names):
        path = root / "train" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (6, 6), (10 * value, 0, 0)).save(path, compress_level=0)
        os.utime(path, DATE)
    return root


def reds(root: Path) -> list[int]:
    return [int(value) for value in images_of(root).images_NKHW[:, 0, 0, 0]]


def cached(root: Path) -> list[Path]:
    return sorted((root / ".cache").glob("*.npy"))


def test_files_of_equal_size_and_date_that_change_places(tmp_path: Path) -> None:
    root = root_with(tmp_path, "a/0.png", "b/0.png")
    assert reds(root) == [0, 10]
    one, other = root / "train/a/0.png", root / "train/b/0.png"
    one.rename(root / "kept")
    other.rename(one)
    (root / "kept").rename(other)
    assert reds(root) == [10, 0]
    assert len(cached(root)) == 1, "what was decoded from the earlier state is removed"


@pytest.mark.parametrize("how", ["in place", "renamed over", "copied back", "folders exchanged", "through a link"])
def test_a_replaced_file_of_equal_size_and_date_is_noticed(tmp_path: Path, how: str) -> None:
    root = root_with(tmp_path, "a/0.png", "b/0.png")
    path = root / "train/a/0.png"
    new = picture(tmp_path / "new.png", 6, 6)
    Image.new("RGB", (6, 6), (99, 0, 0)).save(new, compress_level=0)
    if how == "through a link":
        path.rename(root / "target.png")
        path.symlink_to(root / "target.png")
    assert reds(root) == [0, 10]
    if how == "folders exchanged":
        for old, name in (("a", "t"), ("b", "a"), ("t", "b")):
            (root / "train" / old).rename(root / "train" / name)
        assert reds(root) == [10, 0]
        return
    os.utime(new, DATE)
    assert new.stat().st_size == path.stat().st_size
    if how == "renamed over":
        new.replace(path)
    else:
        path.write_bytes(new.read_bytes())
    os.utime(path, DATE)
    assert reds(root) == [99, 10]
    if how == "copied back":
        Image.new("RGB", (6, 6), (0, 0, 0)).save(path, compress_level=0)
        os.utime(path, DATE)
        assert reds(root) == [0, 10]


def test_the_digest_changes_with_the_files(tmp_path: Path) -> None:
    for part in ("train", "test"):
        (tmp_path / "mine").mkdir(exist_ok=True)
        root_with(tmp_path, "a/0.png", "b/0.png")
        (tmp_path / "train").rename(tmp_path / "mine" / part)
    before = SPEC.load(tmp_path).digest
    path = tmp_path / "mine/train/a/0.png"
    size = path.stat().st_size
    Image.new("RGB", (6, 6), (1, 2, 3)).save(path, compress_level=0)
    os.utime(path, DATE)
    assert path.stat().st_size == size
    assert SPEC.load(tmp_path).digest != before


def test_files_that_change_while_they_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, read = root_with(tmp_path, "a/0.png", "b/0.png"), image_file.read_image_file

    def slow(path: Path, size: Size) -> object:
        found = read(path, size)
        if path.parent.name == "b":
            root_with(tmp_path, "b/1.png", "a/0.png")
        return found

    monkeypatch.setattr(decoded, "read_image_file", slow)
    with pytest.raises(ValueError, match="changed while they were read; run the command again"):
        images_of(root)
    assert not cached(root)


@pytest.mark.parametrize("damage", ["shorter", "empty", "other", "text", "folder", "counter"])
def test_a_damaged_cache_is_written_again(tmp_path: Path, damage: str) -> None:
    root = root_with(tmp_path, "a/0.gif", "b/0.png")
    frames = [Image.new("RGB", (6, 6), (value, 0, 0)) for value in (40, 50)]
    frames[0].save(root / "train/a/0.gif", save_all=True, append_images=frames[1:])
    assert images_of(root).n_animated == 1
    (path,) = cached(root)
    whole = path.read_bytes()
    match damage:
        case "other":
            np.save(path, np.zeros(3))
        case "counter":
            path.with_suffix(".animated").write_text("?")
        case "folder":
            path.unlink()
            path.mkdir()
            with pytest.raises(OSError, match="directory"):
                images_of(root)
            return
        case _:
            path.write_bytes({"shorter": whole[:-10], "empty": b"", "text": b"no array"}[damage])
    assert images_of(root).n_animated == 1
    assert cached(root)[0].read_bytes() == whole


def test_a_root_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    root = root_with(tmp_path / "data", "a/0.png", "b/0.png")
    (root / ".cache").touch()  # no folder: as good as one that cannot be written, for root as well
    assert reds(root) == [0, 10]
    assert list((tmp_path / "home" / ".cache" / "overthink" / "decoded").glob("*.npy"))
    (tmp_path / "home" / ".cache" / "overthink").rename(tmp_path / "elsewhere")
    (tmp_path / "home" / ".cache" / "overthink").touch()
    with pytest.raises(ValueError, match=r"written nowhere; tried .*data/\.cache and .*home/\.cache"):
        images_of(root)


def test_a_folder_that_another_user_has_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is decoded again, written or locked: neither is this user's to touch."""
    root = root_with(tmp_path, "a/0.png", "b/0.png")
    assert reds(root) == [0, 10]
    monkeypatch.setattr(decoded, "read_image_file", None)
    monkeypatch.setattr(decoded, "_writable", None)
    assert reds(root) == [0, 10]


def test_another_users_lock_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    root = root_with(tmp_path, "a/0.png", "b/0.png")
    monkeypatch.setattr("filelock.FileLock.acquire", refused)
    assert reds(root) == [0, 10]


def test_what_another_user_wrote_and_keeps_is_passed_by(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    root, replace = root_with(tmp_path / "data", "a/0.png", "b/0.png"), os.replace

    def refused(source: Path, target: Path) -> None:
        if Path(target).parent == root / ".cache":
            raise PermissionError(1, "Operation not permitted")
        replace(source, target)

    monkeypatch.setattr(os, "replace", refused)
    assert reds(root) == [0, 10]
    assert list((tmp_path / "home").rglob("*.npy"))


def test_a_full_disk_is_an_error_and_not_the_end_of_the_process(tmp_path: Path) -> None:
    root = root_with(tmp_path, "a/0.png", "b/0.png")
    script = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200));"
        "from pathlib import Path; from overthink.data.own import FolderSpec;"
        "from overthink.data.decoded import decode; from overthink.data.image_tree import find_images;"
        "from overthink.data.image_file import Size; root = Path(sys.argv[1]);"
        "decode(find_images(root / 'train', 2), Size(3, 6, False), root)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(root)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "OSError: [Errno 27] File too large" in done.stderr
    assert not cached(root)


def test_two_processes_at_once(tmp_path: Path) -> None:
    root = root_with(tmp_path, *(f"{name}/{n}.png" for name in "ab" for n in range(10)))
    script = (
        "import sys; from pathlib import Path; from overthink.data.decoded import decode;"
        "from overthink.data.image_tree import find_images; from overthink.data.image_file import Size;"
        "root = Path(sys.argv[1]); found = decode(find_images(root / 'train', 2), Size(3, 6, False), root);"
        "print(found.images_NKHW[:, 0, 0, 0].tolist())"
    )
    both = [subprocess.Popen([sys.executable, "-c", script, root], stdout=subprocess.PIPE, text=True) for _ in "12"]
    said = [process.communicate()[0] for process in both]
    assert said == [f"{[10 * value for value in range(20)]}\n"] * 2
    assert len(cached(root)) == 1


def test_the_cache_does_not_depend_on_how_the_root_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root_with(tmp_path, "a/0.png", "b/0.png")
    monkeypatch.chdir(tmp_path)
    assert reds(Path(".")) == reds(tmp_path) == [0, 10]
    assert len(cached(tmp_path)) == 1


def test_what_is_no_file(tmp_path: Path) -> None:
    root = root_with(tmp_path, "a/0.png", "b/0.png")
    odd = root / "train/b/1.png"
    odd.symlink_to("nowhere.png")
    with pytest.raises(ValueError, match=r"train/b/1\.png: unusable image: a link to nothing"):
        images_of(root)
    odd.unlink()
    os.mkfifo(odd)
    assert stat.S_ISFIFO(odd.stat().st_mode)
    with pytest.raises(ValueError, match=r"train/b/1\.png: unusable image: not a file"):
        images_of(root)


@pytest.mark.parametrize("name", ["100 %", "a b", "größe", "%20", "{x}", "a'b"])
def test_names_of_any_kind(tmp_path: Path, name: str) -> None:
    root = root_with(tmp_path / name, f"{name}/{name}.png", "~/0.png")
    assert reds(root) == [0, 10]
    assert reds(root) == [0, 10]


def test_what_killed_processes_had_decoded_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, replace = root_with(tmp_path, "a/0.png", "b/0.png"), os.replace
    unfinished: list[Path] = []

    def killed(source: Path, target: Path) -> None:
        unfinished.append(source.rename(source.with_name(source.name.replace(str(os.getpid()), "7"))))
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(OSError, match="No space left"):
        reds(root)
    assert unfinished[0].exists()
    monkeypatch.setattr(os, "replace", replace)
    assert reds(root) == [0, 10]
    assert not unfinished[0].exists()
