"""`overthink export`, and `overthink import` of what it wrote: a colleague gets the same run."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from overthink import open_network
from overthink.cli.exit_codes import OK, SOME_FAILED, WRONG_USAGE
from overthink.definition.errors import DefinitionError
from overthink.definition.loading import load_experiment
from overthink.launching.outcomes import Options
from overthink.running.exported import facts_of
from overthink.store.all_runs import all_runs
from overthink.store.client import Store
from overthink.store.stored import StoredRun
from support.command import invoke
from support.launches import launch_inline
from support.outside import COLUMNS, outside, write_text
from support.policy_file import policy_file
from support.small import definition
from support.stored_runs import raw

MORE = {"dataset.train": 1000, "dataset.test": 400, "regime": [{"epochs": 2, "lr": 0.05}]}


def store_in(folder: Path) -> Store:
    return Store(f"sqlite:///{folder}/mlflow.db")


def runs_in(folder: Path) -> list[StoredRun]:
    return sorted(
        (run for run in all_runs(store_in(folder)) if not run.is_group), key=lambda run: (run.is_policy, run.name)
    )


def table(folder: Path, *arguments: str) -> object:
    done = invoke(folder, "compare", "--format", "json", *arguments)
    assert done.returncode == OK, done.stderr
    return [{**row, "run_ids": []} for row in json.loads(done.stdout)["rows"]]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Path:
    """A folder with a store of a main network and of a policy network, and with both exported in `out`."""
    folder = tmp_path_factory.mktemp("exported")
    of = {"definition": "small.yaml", "set": MORE}
    path = policy_file(folder, policy={"of": of, "labels": {"lambda": 50}}, seeds=1)
    (folder / "mlflow.db").write_bytes(empty_database.read_bytes())
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        outcomes = launch_inline(store_in(folder), [load_experiment(path)], Options())
        assert outcomes.complete, outcomes.messages
    ids = [run.run_id for run in runs_in(folder)]
    done = invoke(folder, "export", *ids, "-o", "out")
    assert done.returncode == OK, done.stderr
    assert "overthink import out" in done.stderr
    return folder


@pytest.fixture
def there(exported: Path, tmp_path: Path, empty_database: Path) -> Path:
    """The folder of a colleague, with a store that has no run, and a copy of what was exported."""
    shutil.copytree(exported / "out", tmp_path / "out")
    for name in ("small.yaml", "policy.yaml"):
        if (exported / name).exists():
            shutil.copy(exported / name, tmp_path)
    (tmp_path / "mlflow.db").write_bytes(empty_database.read_bytes())
    return tmp_path


def test_a_run_that_was_exported_before_does_not_keep_the_others_back(exported: Path, tmp_path: Path) -> None:
    runs = runs_in(exported)
    out = str(tmp_path / "out")
    assert invoke(exported, "export", runs[0].run_id, "-o", out).returncode == OK
    done = invoke(exported, "export", *[run.run_id for run in runs], "-o", out)
    assert done.returncode == SOME_FAILED, done.stderr
    assert "it exists already" in done.stderr
    assert len(list((tmp_path / "out").iterdir())) == len(runs)
    again = invoke(exported, "export", *[run.run_id for run in runs], "-o", out)
    assert again.returncode == WRONG_USAGE
    assert again.stderr.count("it exists already") == len(runs)


def test_tags_that_no_export_can_hold_are_named() -> None:
    odd = raw("0").parsed()
    with pytest.raises(DefinitionError, match=r"^run run-g1-0: experiment: ") as raised:
        facts_of(replace(odd, definition="a b"))
    assert "\n" not in str(raised.value)


def test_another_store_gets_the_same_runs(exported: Path, there: Path) -> None:
    done = invoke(there, "import", "out")
    assert done.returncode == OK, done.stderr
    before, after = runs_in(exported), runs_in(there)
    assert [run.run_key for run in after] == [run.run_key for run in before]
    assert [run.metrics for run in after] == [run.metrics for run in before]
    assert [(run.variant, run.seeds, run.changes, run.params) for run in after] == [
        (run.variant, run.seeds, run.changes, run.params) for run in before
    ]
    for one, other in zip(before, after, strict=True):
        for name in ("predictions/test.parquet", "predictions/val.parquet", "checkpoint/checkpoint.safetensors"):
            files = [
                store_in(folder).artifact(run.run_id, name, folder / "fetched").read_bytes()
                for folder, run in ((exported, one), (there, other))
            ]
            assert files[0] == files[1]
    assert table(there) == table(exported)
    assert table(there, "--table", "policy") == table(exported, "--table", "policy")
    (there / "again").symlink_to(there / "out")
    assert "already finished" in invoke(there, "import", "again").stderr
    main, policy = after
    assert policy.main is not None
    assert policy.main.run_id == main.run_id
    provenance = json.loads(store_in(there).text(main.run_id, "provenance.json"))
    assert {*provenance["attempts"][-1]["imported"]} == {"run_id", "name"}
    assert len(provenance["attempts"]) == 2


def test_what_was_imported_is_not_trained_again_and_can_be_used(there: Path) -> None:
    assert invoke(there, "import", "out").returncode == OK
    main, _ = runs_in(there)
    assert "already finished" in invoke(there, "run", f"run:{main.run_id}", "--dry-run").stderr
    again = invoke(there, "import", "out")
    assert (again.returncode, "nothing was trained" in again.stderr) == (OK, True)
    assert len(runs_in(there)) == 2
    assert invoke(there, "budget", main.run_id, "--mul-adds", "3e5").returncode == OK
    trained = open_network(main.run_id, store_in(there).uri)
    images_BKHW = torch.from_numpy(trained.test_set().images_NKHW[:5])
    kept_EN = store_in(there).predictions(main.run_id, "test").predicted_EN
    assert kept_EN is not None
    assert trained.logits(images_BKHW).argmax(dim=2).tolist() == kept_EN[:, :5].tolist()


def test_a_policy_network_needs_its_main_network(there: Path) -> None:
    policy, main = sorted((there / "out").iterdir(), key=lambda one: "policy" not in one.name)
    done = invoke(there, "import", str(policy.relative_to(there)))
    assert done.returncode != OK
    assert "no exported run of it is given; import that one, too" in done.stderr
    assert runs_in(there) == []
    assert invoke(there, "import", str(main.relative_to(there))).returncode == OK
    assert invoke(there, "import", str(policy.relative_to(there))).returncode == OK


def test_files_that_do_not_fit_are_named_and_the_others_are_imported(there: Path) -> None:
    policy, main = sorted((there / "out").iterdir(), key=lambda one: "policy" not in one.name)
    shutil.copy(policy / "predictions/val.parquet", main / "predictions/val.parquet")
    done = invoke(there, "import", "out")
    assert done.returncode != OK
    assert "val.parquet: it holds other predictions than those of this run's val split" in done.stderr
    shutil.copy(policy / "checkpoint/checkpoint.safetensors", main / "checkpoint/checkpoint.safetensors")
    assert "belongs to run" in invoke(there, "import", "out").stderr
    assert runs_in(there) == []


@pytest.mark.parametrize(
    "file, content, sentence",
    [
        ("definition.json", None, "No such file"),
        ("definition.json", "{", "it is not JSON"),
        ("definition.json", "{}", "definition.json"),
        ("run.json", "[" * 1000, "nested more than 50 deep"),
        ("run.json", '{"name": "x"}', "run.json"),
    ],
)
def test_a_folder_that_is_not_valid_is_refused_before_anything_is_made(
    there: Path, file: str, content: str | None, sentence: str
) -> None:
    main = next(one for one in (there / "out").iterdir() if "policy" not in one.name)
    (main / file).unlink()
    if content is not None:
        (main / file).write_text(content)
    done = invoke(there, "import", "out")
    assert (done.returncode, sentence in done.stderr, runs_in(there)) == (WRONG_USAGE, True, []), done.stderr


@pytest.mark.parametrize("name", ["run.json", "definition.json", "provenance.json", "predictions/val.parquet"])
def test_a_link_that_leads_out_of_the_folder_is_not_followed(there: Path, name: str) -> None:
    main = next(one for one in (there / "out").iterdir() if "policy" not in one.name)
    (main / name).unlink()
    (main / name).symlink_to("/dev/zero")
    done = invoke(there, "import", "out")
    assert done.returncode != OK
    assert "it is a link that leads out of the run's folder" in done.stderr
    assert runs_in(there) == []


def test_a_definition_of_another_run_is_refused(there: Path) -> None:
    policy, main = sorted((there / "out").iterdir(), key=lambda one: "policy" not in one.name)
    shutil.copy(policy / "definition.json", main / "definition.json")
    assert "it is the definition of run" in invoke(there, "import", "out").stderr
    assert runs_in(there) == []


def test_what_is_no_export_and_options_are_refused(there: Path) -> None:
    (there / "empty").mkdir()
    assert "no exported run is in this folder" in invoke(there, "import", "empty").stderr
    assert "--test is missing" in invoke(there, "import", "nothing").stderr
    assert (
        "--variant x: a folder of exported runs is imported as it is"
        in invoke(there, "import", "out", "--variant", "x").stderr
    )


def test_an_imported_run_comes_back_with_its_key(tmp_path: Path, empty_database: Path) -> None:
    folders = [tmp_path / name for name in ("here", "there")]
    for folder in folders:
        folder.mkdir()
        (folder / "mlflow.db").write_bytes(empty_database.read_bytes())
    here, there = folders
    for seed in range(2):
        write_text(here / f"t{seed}.txt", outside(seed))
    files = ("--test", "t{seed}.txt", *COLUMNS, "--costs", "1000000,2500000,6000000", "--source", "a paper")
    assert invoke(here, "import", "theirs", *files, "--variant", "a").returncode == OK
    assert invoke(here, "export", *(run.run_id for run in runs_in(here)), "-o", "../out").returncode == OK
    done = invoke(there, "import", "../out")
    assert (done.returncode, done.stderr.count("imported as run")) == (OK, 2), done.stderr
    assert [(run.run_key, run.metrics) for run in runs_in(there)] == [
        (run.run_key, run.metrics) for run in runs_in(here)
    ]
    assert table(there) == table(here)
    assert "already imported" in invoke(there, "import", "../out").stderr
    one = [store_in(folder).predictions(runs_in(folder)[0].run_id, "test") for folder in folders]
    assert np.array_equal(one[0].correct_EN, one[1].correct_EN)


def test_two_runs_of_one_group_become_one_group(tmp_path: Path, empty_database: Path) -> None:
    folders = [tmp_path / name for name in ("here", "there")]
    for folder in folders:
        folder.mkdir()
        (folder / "mlflow.db").write_bytes(empty_database.read_bytes())
    here, there = folders
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here)
        path = definition(here, seeds=2, regime=[{"epochs": 1}])
        assert launch_inline(store_in(here), [load_experiment(path)], Options()).complete
    assert invoke(here, "export", *(run.run_id for run in runs_in(here)), "-o", "../out").returncode == OK
    assert invoke(there, "import", "../out").returncode == OK
    assert [row["finished"] for row in table(there)] == [["0", "1"]]  # type: ignore[attr-defined]
    assert table(there) == table(here)
    shutil.copy(here / "small.yaml", there)
    assert "All 2 runs were already finished" in invoke(there, "run", "small.yaml").stderr
