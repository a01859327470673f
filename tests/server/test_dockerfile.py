"""The Dockerfile, as far as it can be read without an engine; and the runner's wheel, built from what it copies."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

from support.server_stack import PATH, ROOT

TEXT = (ROOT / "Dockerfile").read_text()
STAGES = dict(re.findall(r"^FROM \S+ AS (\S+)\n(.*?)(?=^FROM|\Z)", TEXT, re.MULTILINE | re.DOTALL))
RULES = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def ignored(path: Path) -> bool:
    """Return whether .dockerignore keeps a file of the checkout out of the build: the last rule that fits decides."""
    out = False
    for rule in RULES:
        pattern = re.escape(rule.removeprefix("!")).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
        if any(re.fullmatch(pattern, str(part)) for part in (path, *path.parents[:-1])):
            out = not rule.startswith("!")
    return out


def copy(stage: str, folder: Path) -> None:
    """Do what a stage's COPY lines do."""
    for line in re.findall(r"^COPY (?!--)(.*)", STAGES[stage], re.MULTILINE):
        *sources, target = line.split()
        for source in sources:
            for file in filter(Path.is_file, [ROOT / source, *(ROOT / source).rglob("*")]):
                if not ignored(file.relative_to(ROOT)):
                    to = folder / target / (file.name if target.endswith("/") else file.relative_to(ROOT / source))
                    to.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(file, to)


def test_it_is_linted(tmp_path: Path) -> None:
    hadolint = shutil.which("hadolint", path=PATH)
    if hadolint is None:
        pytest.skip("no hadolint on this machine")
    lint = [hadolint, "--format", "json"]
    found = subprocess.run([*lint, str(ROOT / "Dockerfile")], capture_output=True, text=True, check=False)
    assert json.loads(found.stdout) == []
    (tmp_path / "Dockerfile").write_text("FROM python:latest\nUSER root\n")
    assert subprocess.run([*lint, str(tmp_path / "Dockerfile")], capture_output=True, check=False).returncode == 1


def test_both_images_end_as_an_ordinary_user_on_pinned_bases_and_locked_packages() -> None:
    for name in ("server", "runner"):
        assert re.findall(r"^USER (.*)", STAGES[name], re.MULTILINE) == ["10001:10001"]
    bases = {base for base in re.findall(r"^FROM (\S+)", TEXT, re.MULTILINE) if base not in STAGES}
    assert bases == {"python:3.11.13-slim-bookworm"}
    assert "UV_CONSTRAINT=/source/requirements.lock" in TEXT


def test_the_lock_has_every_package_of_the_images() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    (extras,) = re.findall(
        r"uv pip install -r pyproject\.toml((?: --extra \w+)+)$", STAGES["build-runner"], re.MULTILINE
    )
    assert set(extras.split()) - {"--extra"} == set(PROJECT["optional-dependencies"])
    for requirement in sum(PROJECT["optional-dependencies"].values(), PROJECT["dependencies"]):
        name = re.split(r"[\[><=]", requirement)[0]
        assert re.search(rf"^{name}==\S+ .*\\\n    --hash=sha256:", lock, re.MULTILINE), name


@pytest.mark.parametrize("path", [".env", "server/tls/server.key", "docs/sweeps/x.yaml", "sweeps/__pycache__/x.pyc"])
def test_the_build_never_sees(path: str) -> None:
    assert ignored(Path(path))


def test_the_wheel_can_be_built_from_what_is_copied_and_holds_every_definition(tmp_path: Path) -> None:
    copy("build", tmp_path)
    copy("build-runner", tmp_path)
    (build,) = re.findall(r"/opt/uv/bin/python (-m hatchling build .*?) *\\?$", STAGES["build-runner"], re.MULTILINE)
    done = subprocess.run([sys.executable, *build.split()], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for folder in ("experiments", "sweeps"):
        shipped = {f"overthink/{folder}/{path.name}" for path in (ROOT / folder).glob("*.yaml")}
        assert shipped
        assert shipped <= names


def test_the_runner_has_a_compiler_for_the_fast_kernels() -> None:
    installed = re.findall(r"apt-get install ([^&]*)", STAGES["runner"])
    assert [word for line in installed for word in line.split() if word[0].isalpha()] == ["g++"]
