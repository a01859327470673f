import os
import time
from pathlib import Path

import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import PERMISSION_DENIED

from overthink.store import tags
from overthink.store.client import Store
from overthink.store.finding import find_runs
from overthink.store.liveness import ABANDONED_SECONDS, RunProcess, is_gone, this_host, this_process
from overthink.store.page_links import with_pages_of
from overthink.store.stored import StoredRun, newest_per_key
from overthink.store.uri import state_folder, tracking_uri
from overthink.store.writer import LONGEST_TAG, Writer, shortened

TAGS = {tags.KIND: tags.KIND_RUN, tags.RUN_KEY: "k", tags.GROUP_KEY: "g"}


@pytest.fixture
def writer(store: Store) -> Writer:
    return Writer(store)


def create(store: Store, writer: Writer, **params: str) -> str:
    return writer.create(store.experiment("e", "note"), "a name", TAGS, params)


def only(store: Store) -> StoredRun:
    (run,) = find_runs(store, run_key="k")
    return run


def test_a_run_reads_back_as_it_was_written(store: Store, writer: Writer) -> None:
    run_id = create(store, writer, **{"network.growth": "6"})
    writer.log(run_id, {f"test/m{n}": float(n) for n in range(2500)}, step=3)
    writer.close(run_id, tags.FINISHED)
    run = only(store)
    assert (run.run_id, run.name, run.outcome) == (run_id, "a name", tags.FINISHED)
    assert len(run.metrics) == 2500
    assert run.metrics["test/m2499"] == 2499.0
    assert store.client.get_run(run_id).data.params == {"network.growth": "6"}
    assert writer.logged_steps(run_id, "test/m7") == {3}


def test_a_duplicate_that_may_not_be_deleted_is_found_no_more(
    store: Store, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a group's server, who made the experiment deletes its runs; a journal must not wait for that for ever."""

    def refuse(run_id: str) -> None:
        raise MlflowException("Permission denied", error_code=PERMISSION_DENIED)

    monkeypatch.setattr(store.client, "delete_run", refuse)
    duplicate, kept = create(store, writer), create(store, writer)
    writer.delete(duplicate)
    assert only(store).run_id == kept
    assert [run.run_id for run in find_runs(store, group_key="g")] == [kept]
    assert [run.run_id for run in find_runs(store, kind=tags.KIND_RUN)] == [kept]
    assert store.client.get_run(duplicate).info.status == "KILLED"


@pytest.mark.parametrize(
    "outcome, status", [(tags.FINISHED, "FINISHED"), (tags.DIVERGED, "FAILED"), (tags.INTERRUPTED, "KILLED")]
)
def test_outcomes_have_the_matching_status(store: Store, writer: Writer, outcome: str, status: str) -> None:
    writer.close(create(store, writer), outcome, "why")
    run = only(store)
    assert (run.status, run.outcome, run.message) == (status, outcome, "why")


def test_a_run_says_which_process_it_is_in_from_its_first_moment(store: Store, writer: Writer) -> None:
    create(store, writer)
    run = only(store)
    assert run.outcome == tags.RUNNING
    assert not is_gone(run.process)


def test_a_revived_run_is_the_same_run(store: Store, writer: Writer) -> None:
    run_id = create(store, writer)
    writer.close(run_id, tags.INTERRUPTED, "killed")
    writer.resume(run_id)
    assert (only(store).run_id, only(store).outcome, only(store).message) == (run_id, tags.RUNNING, "")


def test_what_the_store_would_cut_silently_is_cut_visibly(store: Store, writer: Writer) -> None:
    run_id = create(store, writer, long="x" * 10_000)
    writer.log(run_id, run_tags={"long": "y" * 10_000})
    run = store.client.get_run(run_id)
    assert run.data.params["long"].endswith("[cut]")
    assert len(run.data.tags["long"]) == LONGEST_TAG
    assert run.data.tags["long"].endswith("[cut]")


def test_artifacts_come_back(store: Store, writer: Writer, tmp_path: Path) -> None:
    run_id = create(store, writer)
    (tmp_path / "file.txt").write_text("content")
    writer.artifacts(run_id, [tmp_path / "file.txt"], "folder")
    writer.text(run_id, "plain.json", {"b": 1, "a": [2]})
    assert store.artifact(run_id, "folder/file.txt", tmp_path / "back").read_text() == "content"
    assert store.text(run_id, "plain.json").startswith('{\n  "a"')


def test_a_page_is_linked_in_the_description(store: Store, writer: Writer) -> None:
    run_id = create(store, writer)
    writer.log(run_id, run_tags={tags.MLFLOW_NOTE: "A run."})
    assert [writer.page(run_id, name, "a page") for name in 2 * [tags.REPORT_PAGE, tags.ANALYSIS_PAGE]] == 4 * [[]]
    address = f"#/experiments/{store.client.get_run(run_id).info.experiment_id}/runs/{run_id}/artifacts/analysis"
    more = (
        f"More pages: [report]({address}/report.html?workflowType=machine_learning), "
        f"[analysis]({address}/figures.html?workflowType=machine_learning)."
    )
    assert only(store).note == f"A run.\n\n{more}"
    assert with_pages_of(only(store).note, "Another.") == f"Another.\n\n{more}"
    assert with_pages_of("A run.", "Another.") == "Another."
    assert store.text(run_id, tags.REPORT_PAGE) == "a page"
    long = "x" * LONGEST_TAG
    writer.log(run_id, run_tags={tags.MLFLOW_NOTE: long})
    writer.page(run_id, tags.REPORT_PAGE, "a page")
    assert only(store).note == long, "nothing of a description is cut for a link"


def test_the_data_set_is_an_input(store: Store, writer: Writer) -> None:
    run_id = create(store, writer)
    writer.dataset(run_id, "max-min-mnist", "f" * 64, {"kind": "max-min-mnist"})
    (given,) = store.client.get_run(run_id).inputs.dataset_inputs
    assert (given.dataset.name, given.dataset.digest) == ("max-min-mnist", "f" * 36)


def test_a_process_is_gone_or_not_known_to_be() -> None:
    def gone(process: str, host: str = this_host(), silent_seconds: float = 0) -> bool:
        heartbeat = f"{time.time() - silent_seconds:.0f}"
        return is_gone(RunProcess.of({tags.HOST: host, tags.PROCESS: process, tags.HEARTBEAT: heartbeat}))

    assert not gone(this_process(), silent_seconds=2 * ABANDONED_SECONDS)  # a laptop slept
    assert gone("4194999@0")
    assert gone(this_process().split("@")[0] + "@12.0")
    assert gone("")
    assert not gone("1@0", "another-host")
    assert gone("1@0", "another-host", silent_seconds=2 * ABANDONED_SECONDS)
    assert not is_gone(RunProcess.of({tags.HOST: "another-host", tags.PROCESS: "1@0"}))  # an older version's: not known


def test_a_heartbeat_is_renewed(store: Store, writer: Writer) -> None:
    run_id = create(store, writer)
    writer.log(run_id, run_tags={tags.HEARTBEAT: "1"})
    writer.heartbeat([run_id])
    assert abs(int(store.client.get_run(run_id).data.tags[tags.HEARTBEAT]) - time.time()) < 60


def test_finished_runs_come_before_newer_failures() -> None:
    runs = [
        StoredRun(name, "1", "", status, started, run_key="k")
        for name, status, started in [("old", "FINISHED", 1), ("new", "FINISHED", 2), ("failed", "FAILED", 3)]
    ]
    assert newest_per_key(runs)["k"].run_id == "new"


def test_names_of_files_that_are_not_utf_8() -> None:
    assert shortened(os.fsdecode(b"caf\xe9.yaml"), 100) == "caf?.yaml"


@pytest.mark.parametrize("variable", ["MLFLOW_TRACKING_URI", "OVERTHINK_STATE"])
def test_folders_that_are_not_utf_8_are_named(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, os.fsdecode(b"sqlite:////caf\xe9/mlflow.db"))
    with pytest.raises(ValueError, match="not UTF-8 in this locale"):
        tracking_uri() if variable == "MLFLOW_TRACKING_URI" else state_folder()
