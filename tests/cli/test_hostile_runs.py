"""Whatever one stored run holds, all others are shown, and it is named with what is wrong, in one sentence.

Any account of a server can write tags, metrics and artifacts of its own runs; a database can be edited.
"""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from overthink.store import tags
from support.command import invoke
from support.hostile import LONG_0, POLICY_RUN, SHORT_0, SHORT_1, TIED_INIT, TIED_REPEAT, Damaged

READING = (("compare",), ("report", "small"), ("report", "tied"), ("analyse",), ("study", "tied"))
TEST = "predictions/test.parquet"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    Damaged.unpacked(folder)
    return folder


@pytest.fixture
def damaged(whole: Path, tmp_path: Path) -> Damaged:
    return Damaged(Path(shutil.copytree(whole, tmp_path / "store")))


def table(damaged: Damaged, change: Callable[[pa.Table], pa.Table], run: str = SHORT_1, **how: Any) -> None:
    path = damaged.artifact(run, TEST)
    changed = change(pq.ParquetFile(path).read())
    pq.write_table(changed, path, **how)


def many_rows(one: pa.Table) -> pa.Table:
    """Equal rows, which take next to no place in a file."""
    columns = {name: pa.array(np.full(2_000_000, one[name][0].as_py())) for name in one.column_names if name != "level"}
    level = pa.repeat(one["level"][0].as_py(), 2_000_000)
    return pa.table(columns | {"level": level}).select(one.column_names).replace_schema_metadata(one.schema.metadata)


def long_names(one: pa.Table) -> pa.Table:
    return one.set_column(one.column_names.index("level"), "level", pa.array(["x" * 30_000_000] * one.num_rows))


def more_exits(one: pa.Table) -> pa.Table:
    meta = json.loads(one.schema.metadata[b"overthink.predictions"])
    meta["cost"].append(meta["cost"][-1] + 1)
    for name in [name for name in one.column_names if name.startswith("exit_3_")]:
        one = one.append_column(name.replace("exit_3_", "exit_4_"), one[name])
    return one.replace_schema_metadata({"overthink.predictions": json.dumps(meta)})


def pipe(damaged: Damaged) -> None:
    damaged.artifact(SHORT_1, TEST).unlink()
    os.mkfifo(damaged.artifact(SHORT_1, TEST))


def link(target: str) -> Callable[[Damaged], None]:
    def change(damaged: Damaged) -> None:
        damaged.artifact(SHORT_1, TEST).unlink()
        damaged.artifact(SHORT_1, TEST).symlink_to(target)

    return change


def folder(damaged: Damaged) -> None:
    damaged.artifact(SHORT_1, TEST).unlink()
    damaged.artifact(SHORT_1, TEST).mkdir()


def sparse(damaged: Damaged) -> None:
    with damaged.artifact(SHORT_1, TEST).open("wb") as file:
        file.truncate(10**12)


DEEP = "[" * 3000
TAGS: dict[str, tuple[str, Any, str]] = {
    "arms": (tags.ARMS, DEEP, "tag overthink.arms: it is nested more than 50 deep"),
    "arms of another form": (tags.ARMS, "[1]", "tag overthink.arms: it has another form"),
    "reported": (tags.REPORTED, DEEP, "tag overthink.reported: it is nested"),
    "reported infinity": (
        tags.REPORTED,
        '[{"metric": "test/accuracy/last", "value": 1e999, "source": "s", "approximate": false}]',
        "tag overthink.reported: a number in it is inf",
    ),
    "half a character": (tags.REPORTED, '[{"metric": "\\ud800"}]', "tag overthink.reported: it is not valid Unicode"),
    "changes": (tags.CHANGES_JSON, "3", "tag overthink.changes_json: it has another form"),
    "bytes": (tags.VARIANT, b"\xff\x00", ""),
    "a million characters": (tags.VARIANT, "x" * 10**6, "tag overthink.variant: it is too long"),
    "markup": (tags.VARIANT, "[red]\x1b[31m\u202e<script>" + "\n" * 50 + "y" * 7000, ""),
    "seeds": (tags.SEEDS, "0:9999999999 " * 500, ""),
}
METRICS = {
    "a text": "lots",
    "huge": 1e308,
    "infinity": 1.7976931348623157e308,
    "negative": -0.5,
    "more than all": 7.0,
    "bytes": b"\xff",
}
FILES: dict[str, tuple[Callable[[Damaged], None], str]] = {
    "half": (
        lambda d: d.rewrite(SHORT_1, TEST, d.artifact(SHORT_1, TEST).read_bytes()[:5000]),
        "not a readable Parquet",
    ),
    "no Parquet": (lambda d: d.rewrite(SHORT_1, TEST, b"noise" * 100), "not a readable Parquet"),
    "gone": (lambda d: d.artifact(SHORT_1, TEST).unlink(), "is not there"),
    "a folder": (folder, "it is no file"),
    "a pipe": (pipe, "it is no file"),
    "a link": (link("/etc/passwd"), "a link that leads out of the run's folder"),
    "a device": (link("/dev/zero"), "a link that leads out of the run's folder"),
    "a link to nowhere": (link("nowhere.parquet"), "is not there"),
    "a terabyte": (sparse, "1,000,000,000,000 bytes, more than"),
    "two million rows": (lambda d: table(d, many_rows), "its 2,000,000 rows would take more than 64,000,000 bytes"),
    "long names": (lambda d: table(d, long_names, use_dictionary=["level"]), "among the levels"),
    "another network": (lambda d: table(d, more_exits), "its predictions are of 4 exits, its definition is of 3"),
    "another split": (
        lambda d: d.rewrite(SHORT_1, TEST, d.artifact(SHORT_1, "predictions/val.parquet").read_bytes()),
        "it is of split val",
    ),
    "a policy network's": (
        lambda d: d.rewrite(SHORT_1, TEST, d.artifact(POLICY_RUN, TEST).read_bytes()),
        "its predictions are of 1 exits, its definition is of 3",
    ),
}


def shown(damaged: Damaged) -> str:
    """Run what reads all runs; return its messages, after checking that each shows what it can."""
    said = []
    for arguments in READING:
        done = invoke(damaged.folder, *arguments)
        assert done.returncode in (0, 3), (arguments, done.stderr)
        assert "internal error" not in done.stderr
        assert max(map(len, done.stderr.splitlines()), default=0) < 500
        assert not {"\x1b", "\u202e"} & {*done.stdout, *done.stderr}
        said.append(done.stderr)
        if arguments == ("compare",):
            assert "small: long" in done.stdout
            assert "11.25 ± 1.77" in done.stdout
        if arguments[0] == "report":
            page = (damaged.folder / "report.html").read_text()
            assert "small: long (n = 2)" in page or arguments != READING[1]
            assert "Is overthinking due" in page or arguments != READING[2]
    return "".join(said).replace("\n", " ")


@pytest.mark.parametrize("name", TAGS)
def test_a_tag(damaged: Damaged, name: str) -> None:
    tag, value, why = TAGS[name]
    damaged.tag(SHORT_1, tag, value)
    said = shown(damaged)
    if why:
        assert f"run {SHORT_1[:8]} (small: short seed 1): {why}" in said


@pytest.mark.parametrize("name", METRICS)
def test_a_metric(damaged: Damaged, name: str) -> None:
    damaged.metric(SHORT_1, "test/accuracy/last", METRICS[name])
    assert f"run {SHORT_1[:8]} (small: short seed 1): metric test/accuracy/last is " in shown(damaged)


@pytest.mark.parametrize("name", FILES)
def test_predictions(damaged: Damaged, name: str) -> None:
    change, why = FILES[name]
    change(damaged)
    said = shown(damaged)
    assert why in said
    assert SHORT_1[:8] in said
    assert "/tmp/" not in said


@pytest.mark.parametrize("run", [TIED_REPEAT, TIED_INIT, POLICY_RUN, LONG_0, SHORT_0])
def test_each_kind_of_run(damaged: Damaged, run: str) -> None:
    """Of a study, a policy network, a main network."""
    for name in ("definition.json", "provenance.json", TEST, "predictions/val.parquet"):
        damaged.rewrite(run, name, DEEP)
    for arguments in (*READING, ("report", "small-policy"), ("compare", "--table", "policy"), ("frequency", "small")):
        done = invoke(damaged.folder, *arguments)
        assert "internal error" not in done.stderr
        assert done.returncode in (0, 3) or run[:8] in done.stderr, (arguments, done.stderr)


@pytest.mark.parametrize(
    "command", [("budget", "--mul-adds", "2e5"), ("anytime",), ("labels",), ("bench",), ("grad-cam",)]
)
def test_a_command_about_the_run_itself(damaged: Damaged, command: tuple[str, ...]) -> None:
    for name in (TEST, "predictions/val.parquet", "checkpoint/checkpoint.safetensors"):
        damaged.rewrite(LONG_0, name, b"noise")
    done = invoke(damaged.folder, command[0], LONG_0, *command[1:])
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: run {LONG_0[:8]}: ")
    assert "/tmp/" not in done.stderr
    assert len(done.stderr) < 400


def test_provenance_of_another_form(damaged: Damaged) -> None:
    """The newest run whose provenance can be read is shown; a run with a damaged one is resumed as one without."""
    for content in ({"attempts": 3}, {"attempts": [7]}, "[]", DEEP, "\xff", "9" * 5000):
        damaged.rewrite(TIED_INIT, tags.PROVENANCE_FILE, content)
        done = invoke(damaged.folder, "report", "tied")
        assert done.returncode in (0, 3)
        assert "internal error" not in done.stderr
