"""`overthink cascade`, and what the commands that read the store make of a cascade."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from overthink.store import tags
from overthink.store.all_runs import all_runs
from overthink.store.client import Store
from overthink.store.finding import find_runs
from support.command import invoke, ok
from support.outside import Outside, outside

SAMPLES = 120


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Path:
    """A folder with a store of three groups of two seeds."""
    folder = tmp_path_factory.mktemp("imported")
    (folder / "mlflow.db").write_bytes(empty_database.read_bytes())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        add(folder, "small", 0, "1e6,2e6,3e6")
        add(folder, "large", 2, "4e6,8e6,20e6")
        add(folder, "worse", -1, "5e6,6e6,7e6")
    return folder


@pytest.fixture
def folder(imported: Path, tmp_path: Path) -> Path:
    """A copy of it for one test."""
    return Path(shutil.copytree(imported, tmp_path / "copy"))


def save(path: Path, network: Outside) -> None:
    np.savez(path, logits=network.logits_ENC, labels=network.labels_N)


def better(seed: int, by: float) -> Outside:
    network = outside(seed)
    network.logits_ENC[:, np.arange(SAMPLES), network.labels_N] += by
    return network


def add(folder: Path, name: str, by: float, costs: str, seeds: int = 2, val: bool = True) -> None:
    """Import a group of three exits, whose last is the more accurate the higher `by` is."""
    for seed in range(seeds):
        save(folder / f"{name}-{seed}.npz", better(seed, by))
        save(folder / f"{name}v-{seed}.npz", better(seed + 50, by))
    files = ["--test", name + "-{seed}.npz", *(["--val", name + "v-{seed}.npz"] if val else [])]
    ok(folder, "import", name, *files, "--costs", costs)


def store_of(folder: Path) -> Store:
    return Store(f"sqlite:///{folder}/mlflow.db")


def said(folder: Path, *arguments: str) -> str:
    done = invoke(folder, "cascade", *arguments)
    assert done.returncode == 0, done.stderr
    return " ".join(done.stderr.split())


def test_groups_become_a_cascade_that_every_command_shows(folder: Path) -> None:
    found = json.loads(ok(folder, "cascade", "both", "large", "small", "worse", "--json"))
    assert (found["members"], found["costs"]) == (["base · small", "base · large"], [3_000_000, 23_000_000])
    assert "base · worse is left out: base · small costs no more" in found["notes"][0]

    store = store_of(folder)
    (group,) = find_runs(store, kind=tags.KIND_GROUP, definition="both")
    runs = find_runs(store, kind=tags.KIND_RUN, definition="both")
    assert sorted(run.seeds_label for run in runs) == ["0", "1"]
    for run in runs:
        members = [better(int(run.seeds_label), by) for by in (0, 2)]
        test = store.predictions(run.run_id, "test")
        for exit, member in enumerate(members):
            assert (test.correct_EN[exit] == member.correct_EN[-1]).all()
        provenance = store.json(run.run_id, tags.PROVENANCE_FILE)["attempts"][0]["cascade"]
        ids = store.client.get_run(run.run_id).data.tags[tags.MEMBERS].split()
        assert [name in text for name, text in zip(ids, provenance["members"].values(), strict=True)] == [True, True]

    table = json.loads(ok(folder, "compare", "both", "small", "--format", "json"))["rows"]
    assert len(table) == 2
    differences = json.loads(ok(folder, "compare", "both", "small", "--against", "small: base", "--format", "json"))
    assert [row["differences"]["test/accuracy/last"]["n"] for row in differences["rows"] if row["differences"]] == [2]
    budget = json.loads(ok(folder, "budget", runs[0].run_id, "--mul-adds", "10e6", "--json"))
    share, others = budget["taken"]
    assert budget["mul_adds_per_sample"] == pytest.approx(3e6 * share + 23e6 * others)
    anytime = json.loads(ok(folder, "anytime", runs[0].run_id, "--budget", "22.9e6", "--budget", "23e6", "--json"))
    assert [one["exit"] for one in anytime["budgets"]] == [1, 2]
    ok(folder, "study", "both")
    ok(folder, "analyse", "both")
    ok(folder, "report", "both", "small")
    assert "overthink cascade both large small worse" in (folder / "report.html").read_text(encoding="utf-8")
    assert "is a cascade" in " ".join(invoke(folder, "bench", runs[0].run_id).stderr.split())
    assert group.seeds_label == "0 1"


def test_repeating_it_changes_nothing_and_other_members_need_another_name(folder: Path) -> None:
    said(folder, "both", "small", "large")
    before = all_runs(store_of(folder))
    assert "2 runs of both: base, 0 new." in said(folder, "both", "large", "small")
    assert all_runs(store_of(folder)) == before
    done = invoke(folder, "cascade", "both", "small", "large", "--exit", "1,3")
    assert (done.returncode, "choose another NAME or --variant" in " ".join(done.stderr.split())) == (2, True)
    assert all_runs(store_of(folder)) == before
    assert "Exit 1: base · small exit 1, 1,000,000 MUL-ADDs" in said(
        folder, "both", "small", "large", "--exit", "1,3", "--variant", "first"
    )


def test_exits_of_one_network_show_what_sharing_its_blocks_saves(folder: Path) -> None:
    found = json.loads(ok(folder, "cascade", "alone", "small", "small", "--exit", "3,1", "--json"))
    assert found["costs"] == [1_000_000, 4_000_000]


def test_without_validation_data_nothing_is_left_out_and_seeds_are_matched(
    tmp_path: Path, empty_database: Path
) -> None:
    folder = tmp_path
    (folder / "mlflow.db").write_bytes(empty_database.read_bytes())
    add(folder, "small", 0, "1e6,2e6,3e6", 3)
    add(folder, "worse", -1, "5e6,6e6,7e6", 2, False)
    text = said(folder, "both", "worse", "small")
    assert "Seeds 2 are left out: base · worse has no finished runs" in text
    assert "base · worse has no validation predictions, and test data select nothing" in text
    assert "Exit 2: base · worse, 10,000,000 MUL-ADDs in all" in text
    assert "2 runs of both: base, 2 new." in text
    run = find_runs(store_of(folder), kind=tags.KIND_RUN, definition="both")[0]
    assert run.splits == ("test",)
    assert "has no validation predictions" in invoke(folder, "budget", run.run_id, "--mul-adds", "2e6").stderr


def test_bad_input_is_one_sentence_and_nothing_is_made(folder: Path) -> None:
    np.savez(folder / "few.npz", logits=outside(samples=80).logits_ENC, labels=outside(samples=80).labels_N)
    ok(folder, "import", "few", "--test", "few.npz", "--costs", "1,2,3")
    np.savez(folder / "five.npz", logits=outside(classes=5).logits_ENC, labels=outside(classes=5).labels_N)
    ok(folder, "import", "five", "--test", "five.npz", "--costs", "1,2,3")
    ok(folder, "import", "free", "--test", "small-0.npz")
    ok(folder, "import", "later", "--test", "small-0.npz", "--costs", "1,2,3", "--seed", "7")
    ok(folder, "import", "small", "--test", "small-0.npz", "--costs", "1,2,3", "--variant", "v")
    before = all_runs(store_of(folder))
    for arguments, message in (
        (("small: base",), "a cascade needs at least two members"),
        (("small: base", "small: base"), "named twice with the same exit"),
        (("small", "large"), "small has 2 groups; name one of them"),
        (("small: base", "few"), "different test samples (80 and 120, 80 in common)"),
        (("small: base", "five"), "different labels for the same test samples"),
        (("small: base", "free"), "base · free: its costs are not known"),
        (("small: base", "later"), "no seed of which every member has a finished run"),
        (("small: base", "worse"), "only one member is left"),
        (("small: base", "nothing"), "nothing"),
        (("small: base", "abcdef12"), "abcdef12"),
        (("small: base", "large", "--exit", "1"), "an exit, from 1, for each of the 2 members"),
        (("small: base", "large", "--exit", "1,4"), "--exit 4: base · large has 3 exits"),
        (("small: base", "large", "--variant", "../x"), "expected letters, digits"),
    ):
        done = invoke(folder, "cascade", "both", *arguments)
        text = " ".join(done.stderr.split())
        assert done.returncode == 2, text
        assert message in text, text
    assert all_runs(store_of(folder)) == before
    assert "a definition has this name" in " ".join(invoke(folder, "cascade", "quickstart", "x", "y").stderr.split())
