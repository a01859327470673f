import os
import pwd
from pathlib import Path

import pytest

from overthink.data.digits import default_root
from overthink.settings import LENT_HOME, check_settings, cuda_graphs, home_folder, lent_home
from support.command import invoke


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An account without a home folder, as under a bare uid in a container."""

    def unknown(uid: int) -> None:
        raise KeyError(uid)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    for name in ("HOME", LENT_HOME, "OVERTHINK_DATA", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("homeless")
def test_without_a_home_folder_the_working_directory_is_lent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert lent_home() == {"HOME": str(tmp_path), LENT_HOME: "1"}
    for name, value in lent_home().items():
        monkeypatch.setenv(name, value)
    assert Path.home() == tmp_path
    with pytest.raises(ValueError, match="this account has no home folder; set HOME"):
        home_folder()


@pytest.mark.usefixtures("homeless")
def test_data_sets_need_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for refused in (default_root, lambda: check_settings(None)):
        with pytest.raises(ValueError, match="set HOME, or OVERTHINK_DATA"):
            refused()
    check_settings(tmp_path)
    done = invoke(tmp_path, "data", "list")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: this account has no home folder")
    assert invoke(tmp_path, "data", "list", OVERTHINK_DATA=str(tmp_path)).returncode == 0
    monkeypatch.setenv("OVERTHINK_DATA", str(tmp_path))
    assert default_root() == tmp_path


def test_an_empty_home_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "")
    assert lent_home() == {}
    assert home_folder() == Path(pwd.getpwuid(os.getuid()).pw_dir)


@pytest.mark.parametrize("name", ["OVERTHINK_UI_URL", "OVERTHINK_DASHBOARD_URL"])
def test_an_address_that_everybody_sees_has_no_password(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "https://host/path?of=ann@example.org")
    check_settings(tmp_path)
    monkeypatch.setenv(name, "https://ann:secret@host/path")
    with pytest.raises(ValueError, match=f"{name}: it holds a user name or password") as raised:
        check_settings(tmp_path)
    assert "secret" not in str(raised.value)


def test_cuda_graphs_are_on_or_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for text in ("", "1", "0"):
        monkeypatch.setenv("OVERTHINK_CUDA_GRAPHS", text)
        found.append(cuda_graphs())
    assert found == [True, True, False]
    monkeypatch.setenv("OVERTHINK_CUDA_GRAPHS", "false")
    with pytest.raises(ValueError, match="OVERTHINK_CUDA_GRAPHS=false: expected 0 or 1"):
        check_settings(tmp_path)


def test_a_data_folder_that_is_not_utf_8_is_named() -> None:
    with pytest.raises(ValueError, match="not UTF-8 in this locale"):
        check_settings(Path(os.fsdecode(b"/caf\xe9")))
