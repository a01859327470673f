"""What `pip install .` gives: a wheel with everything that the command needs."""

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_wheel_holds_code_definitions_and_digits(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        entry_points = archive.read(next(name for name in names if name.endswith("entry_points.txt"))).decode()
    assert "overthink = overthink.cli.main:main" in entry_points
    for name in ("overthink/running/run.py", "overthink/py.typed", "overthink/data/embedded/digits.npz"):
        assert name in names
    shipped = {f"overthink/experiments/{path.name}" for path in (ROOT / "experiments").glob("*.yaml")}
    assert shipped <= names
    assert not [name for name in names if not name.startswith("overthink")]


def test_the_lock_pins_every_dependency_by_hash_and_names_no_index() -> None:
    text = (ROOT / "requirements.lock").read_text()
    assert "://" not in text
    pins = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    assert pins
    assert all("==" in pin and pin.rstrip().endswith("\\") for pin in pins)
    assert text.count("--hash=sha256:") >= len(pins)
