"""Whatever one stored run holds, all others are shown, and it is named with what is wrong, in one sentence.

Any account of a server can write tags, metrics and artifacts of its own runs; a database can be edited.
"""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

import overthink
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.unreadable import UnreadableRunWarning
from support.command import invoke
from support.hostile import GROUPS, LONG_0, POLICY_RUN, RUNS, SHORT_0, SHORT_1, TIED_INIT, Damaged
from support.parquet_readers import contradictory

COMPARE, REPORT = ("compare",), ("report", "small")
READING = (COMPARE, REPORT, ("report", "tied"), ("analyse",), ("study", "tied"))
TEST = "predictions/test.parquet"


@pytest.mark.parametrize("scheme", ["s3", "http", "ftp", "hdfs", "mlflow-artifacts", "odd"])
def test_no_address_that_one_run_names_is_asked(damaged: Damaged, scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent there, and all others are shown; with libraries for some of these places, and without."""
    Store(f"sqlite:///{damaged.folder}/mlflow.db")  # a copied store: now it knows where its artifacts are
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        damaged.sql("UPDATE runs SET artifact_uri = ? WHERE run_uuid = ?", f"{scheme}://127.0.0.1:{port}/x", SHORT_1)
        for call in (COMPARE, REPORT, ("budget", SHORT_1, "--mul-adds", "2e5")):
            said = invoke(damaged.folder, *call).stderr
            assert "Traceback" not in said
            if call == REPORT:
                said = (damaged.folder / "report.html").read_text(encoding="utf-8")
            if call != COMPARE:
                assert f"run {SHORT_1[:8]} has its artifacts in" in said
                assert "not where this store keeps artifacts; nothing was read from there" in said
        server.settimeout(0.1)
        with pytest.raises(TimeoutError):
            server.accept()
    assert "small: long (n = 2)" in (damaged.folder / "report.html").read_text(encoding="utf-8")


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
    return one.set_column(one.column_names.index("level"), "level", pa.array(["x" * 3_000_000] * one.num_rows))


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


def shown(damaged: Damaged, *commands: tuple[str, ...]) -> str:
    """Run commands that read all runs; return their messages, after checking that each shows what it can."""
    said = []
    for arguments in commands:
        done = invoke(damaged.folder, *arguments)
        assert done.returncode in (0, 3), (arguments, done.stderr)
        assert "internal error" not in done.stderr
        assert max(map(len, done.stderr.splitlines()), default=0) < 500
        assert not {"\x1b", "\u202e"} & {*done.stdout, *done.stderr}
        said.append(done.stderr)
        if arguments == COMPARE:
            assert "small: long" in done.stdout
            assert "11.25 ± 1.77" in done.stdout
        if arguments == REPORT:
            assert "small: long (n = 2)" in (damaged.folder / "report.html").read_text()
    return "".join(said).replace("\n", " ")


@pytest.mark.parametrize("name", TAGS)
def test_a_tag(damaged: Damaged, name: str) -> None:
    tag, value, why = TAGS[name]
    damaged.tag(SHORT_1, tag, value)
    said = shown(damaged, COMPARE)
    if why:
        assert f"run {SHORT_1[:8]} (small: short seed 1): {why}" in said


def test_a_group_that_asks_for_very_many_runs(damaged: Damaged) -> None:
    damaged.tag(GROUPS["small: short"], tags.SEEDS, "0:9999999999 " * 500)
    shown(damaged, COMPARE, REPORT)
    table = " ".join(invoke(damaged.folder, "compare").stdout.split())
    assert "(99,998 seeds)" in table or "(9,998 seeds)" in table
    assert len(table) < 10_000


@pytest.mark.parametrize("name", METRICS)
def test_a_metric(damaged: Damaged, name: str) -> None:
    damaged.metric(SHORT_1, "test/accuracy/last", METRICS[name])
    assert f"run {SHORT_1[:8]} (small: short seed 1): metric test/accuracy/last is " in shown(damaged, COMPARE)


@pytest.mark.parametrize("name", FILES)
def test_predictions(damaged: Damaged, name: str) -> None:
    change, why = FILES[name]
    change(damaged)
    said = shown(damaged, REPORT)
    assert why in said
    assert SHORT_1[:8] in said
    assert "/tmp/" not in said.replace(str(damaged.folder), "")


def test_predictions_that_end_the_process_that_reads_them(damaged: Damaged) -> None:
    path = damaged.artifact(SHORT_1, TEST)
    path.write_bytes(contradictory(path.read_bytes()))
    said = shown(damaged, COMPARE, REPORT)
    look = "import pyarrow.parquet, sys; pyarrow.parquet.ParquetFile(sys.argv[1]).metadata.to_dict()"
    if subprocess.run([sys.executable, "-c", look, str(path)], capture_output=True, check=False).returncode:
        assert f"run {SHORT_1[:8]}: {TEST}: it is not a readable Parquet file" in said  # else pyarrow was mended


def test_every_command_shows_the_other_runs_and_names_these(damaged: Damaged) -> None:
    """A run of a study, one of a policy network, one of a group with another; a tag, a metric and files."""
    for run in (TIED_INIT, SHORT_1):
        damaged.rewrite(run, TEST, b"noise")
        damaged.rewrite(run, tags.PROVENANCE_FILE, {"attempts": 3})
    damaged.rewrite(POLICY_RUN, tags.DEFINITION_FILE, DEEP)
    damaged.tag(SHORT_1, tags.ARMS, DEEP)
    damaged.metric(SHORT_0, "test/accuracy/last", "lots")
    said = shown(
        damaged, *READING, ("report", "small-policy"), ("compare", "--table", "policy"), ("frequency", "small")
    )
    for named in (
        f"run {SHORT_1[:8]} (small: short seed 1): tag overthink.arms",
        f"run {SHORT_0[:8]} (small: short seed 0): metric test/accuracy/last is 'lots'",
        f"run {SHORT_1[:8]}: {TEST}: it is not a readable Parquet file",
        f"run {TIED_INIT[:8]}: {TEST}: it is not a readable Parquet file",
        f"run {TIED_INIT[:8]}: provenance.json: its attempts are no list",
        f"run {POLICY_RUN[:8]}: definition.json: it is nested more than 50 deep",
    ):
        assert named in said


def test_a_notebook_is_warned(damaged: Damaged) -> None:
    damaged.metric(SHORT_1, "test/accuracy/last", 1e308)
    damaged.metric(SHORT_1, "run_id", 3.0)
    damaged.rewrite(SHORT_1, TEST, b"noise")
    store = damaged.folder / "mlflow.db"
    with pytest.warns(UnreadableRunWarning, match=f"run {SHORT_1[:8]} .*test/accuracy/last is 1e"):
        frame = overthink.runs(store, "small")
    assert {*RUNS} & {*frame["run_id"]} == {LONG_0, SHORT_0, SHORT_1}
    short = frame[frame["run_id"].isin([SHORT_0, SHORT_1])]
    with pytest.warns(UnreadableRunWarning, match=f"run {SHORT_1[:8]}: {TEST}: it is not a readable"):
        assert overthink.figures(short, store)
    with pytest.raises(ValueError, match=f"run {SHORT_1[:8]}: {TEST}: it is not a readable"):
        overthink.read_predictions(SHORT_1, store=store)


def test_nothing_is_written_where_a_link_leads(damaged: Damaged) -> None:
    """An analysis is added to a run, a report to a group."""
    for run in (SHORT_1, GROUPS["small: short"]):
        damaged.artifact(run, "analysis").symlink_to(damaged.outside)
    said = shown(damaged, REPORT, ("analyse", "small"))
    assert f"run {SHORT_1[:8]}: analysis/" in said
    assert not list(damaged.outside.iterdir())


@pytest.mark.parametrize(
    "command", [("budget", "--mul-adds", "2e5"), ("anytime",), ("labels",), ("bench",), ("grad-cam",)]
)
def test_a_command_about_the_run_itself(damaged: Damaged, command: tuple[str, ...]) -> None:
    for name in (TEST, "predictions/val.parquet", "checkpoint/checkpoint.safetensors"):
        damaged.rewrite(LONG_0, name, b"noise")
    done = invoke(damaged.folder, command[0], LONG_0, *command[1:])
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"error: run {LONG_0[:8]}: ")
    assert "/tmp/" not in done.stderr
    assert len(done.stderr) < 400
