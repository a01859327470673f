"""The example package, from a definition to a classified image, by the real command and real workers."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from overthink.plugins import modules
from support.command import invoke, overthink
from support.plugins import EXAMPLE, clean_plugins


@pytest.fixture
def package(tmp_path: Path, empty_database: Path) -> Iterator[Path]:
    folder = tmp_path / "own"
    shutil.copytree(EXAMPLE, folder)
    shutil.copy(empty_database, folder / "mlflow.db")
    for _ in clean_plugins(folder):
        yield folder


def test_plugins_are_listed(package: Path) -> None:
    listed = json.loads(invoke(package, "plugins", "--plugin", "own_network", "--json").stdout)
    assert {(one["group"], one["name"]) for one in listed} == {
        ("networks", "plain-cnn"),
        ("datasets", "stripes"),
        ("metrics", "accuracy/worst"),
    }


def test_its_data_set_is_listed_and_shown(package: Path) -> None:
    listed = json.loads(invoke(package, "data", "list", "--plugin", "own_network", "--json").stdout)
    assert [one["name"] for one in listed["datasets"]][-1] == "stripes"
    done = invoke(package, "data", "show", "stripes", "--plugin", "own_network", "--set", "noise=0.1")
    assert done.returncode == 0, done.stderr
    with Image.open(package / "stripes.png") as picture:
        assert picture.width > picture.height / 20
    assert "nothing to download" in invoke(package, "data", "get", "stripes", "--plugin", "own_network").stderr
    refused = invoke(package, "data", "show", "stripe", "--plugin", "own_network")
    assert (refused.returncode, "did you mean 'stripes'?" in refused.stderr) == (2, True)


def test_an_unknown_plugin(package: Path) -> None:
    done = invoke(package, "inspect", "stripes.yaml", "--plugin", "own_netwrok")
    assert done.returncode != 0
    assert "plug-in own_netwrok: no such module" in " ".join(done.stderr.split())


@pytest.mark.process
def test_the_example_is_trained_compared_and_asked(package: Path) -> None:
    short = ("--seeds", "0", "--set", "regime.0.epochs=1", "--kernels", "torch")
    done = invoke(package, "run", "stripes.yaml", "--plugin", "own_network", *short)
    assert done.returncode == 0, done.stderr
    assert "MUL-ADDs of own_network.layers:TwoExits are those of its layers" in " ".join(done.stderr.split())
    for _ in clean_plugins(package.parent / "nowhere"):  # another process, which nobody told of the package
        rows = json.loads(invoke(package, "compare", "--format", "json").stdout)["rows"]
        assert {row["group"].split()[1] for row in rows} == {"plain", "one-module"}

        import overthink

        frame = overthink.runs(package / "mlflow.db")
        assert frame["test/accuracy/worst"].between(0, 1).all()
        Image.fromarray(np.zeros((16, 16), np.uint8)).save(package / "black.png")
        for run_id in frame["run_id"].astype(str):
            modules.forget()
            asked = invoke(package, "predict", run_id[:8], "black.png", "--threshold", "0.5")
            assert asked.returncode != 0
            assert "--plugin" in asked.stderr
            asked = invoke(package, "predict", run_id[:8], "black.png", "--threshold", "0.5", "--plugin", "own_network")
            assert asked.returncode == 0, asked.stderr
            assert "vertical" in asked.stdout or "horizontal" in asked.stdout


@pytest.mark.process
def test_installed_it_needs_no_option(package: Path, tmp_path: Path) -> None:
    """As `pip install` leaves it: found by its entry points, from a folder without its source."""
    there, work = tmp_path / "installed", tmp_path / "work"
    install = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--target"]
    subprocess.run([sys.executable, *install, there, package], check=True, capture_output=True)
    work.mkdir()
    shutil.copy(package / "stripes.yaml", work)
    shutil.copy(package / "mlflow.db", work)
    path = os.pathsep.join([str(there), *filter(None, [os.environ.get("PYTHONPATH")])])
    words = ("--seeds", "0", "--set", "regime.0.epochs=1", "--set", "dataset.train=100", "--kernels", "torch")
    done = overthink(work, "run", "stripes.yaml", *words, PYTHONPATH=path)
    assert done.returncode == 0, done.stderr
    listed = json.loads(overthink(work, "plugins", "--json", PYTHONPATH=path).stdout)
    assert {(one["group"], one["name"], one["place"]) for one in listed} == {
        ("networks", "plain-cnn", "package own-network"),
        ("datasets", "stripes", "package own-network"),
        ("metrics", "worst-exit", "package own-network"),
    }
