"""`import overthink`: light, complete, documented, and every example runs."""

import doctest
import inspect
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from math import isnan
from pathlib import Path

import pandas as pd
import pytest

import overthink
from overthink.comparison.frame import frame_of
from overthink.store import tags
from support.old_store import unpack
from support.stored_runs import raw, stored

FUNCTIONS = [name for name in overthink.__all__ if inspect.isfunction(getattr(overthink, name))]


@pytest.fixture
def example_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a small store and the definitions that made it."""
    unpack(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_importing_overthink_is_light() -> None:
    heavy = "torch mlflow pandas plotly optuna pydantic numpy".split()
    code = f"import sys, overthink; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_what_a_store_raises_is_known_without_mlflow() -> None:
    code = "import sys, overthink; overthink.StoreError; print('mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_every_public_name_is_there_and_documented() -> None:
    for name in overthink.__all__:
        assert inspect.getdoc(getattr(overthink, name)), name
        assert name in dir(overthink)
    assert sorted(overthink._PLACES) == overthink.__all__
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = overthink.nothing


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_says_what_it_takes_gives_and_raises(name: str) -> None:
    text = inspect.getdoc(getattr(overthink, name)) or ""
    for heading in ("Args:", "Returns:", "Raises:", "Example:"):
        assert heading in text, heading


@pytest.mark.parametrize("name", FUNCTIONS)
def test_examples_show_what_happens(name: str, example_folder: Path) -> None:
    found = doctest.DocTestFinder(recurse=False).find(getattr(overthink, name), name, globs={})
    examples = [test for test in found if test.examples]
    assert examples
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    for test in examples:
        assert runner.run(test, out=sys.stderr.write).failed == 0


def test_a_frame_tells_groups_apart() -> None:
    """By changes, by what differs in their definitions, and by the beginning of the key where nothing else is known."""
    runs = [
        stored("0", group="aaaaaaaa"),
        stored("0", group="bbbbbbbb", more={tags.CHANGES: "network.growth=8"}),
        stored("0", group="cccccccc", variant="long"),
        stored("0", group="dddddddd", variant="long"),
    ]
    frame = frame_of(runs)
    assert list(frame["group"]) == [
        "quickstart: short",
        "quickstart: short [network.growth=8]",
        "quickstart: long #cccccc",
        "quickstart: long #dddddd",
    ]
    assert frame["group"].nunique() == frame["group_key"].nunique()
    known = [replace(run, params={"network.growth": run.group_key[0], "regime.0.epochs": "4"}) for run in runs]
    assert list(frame_of(known)["group"])[2:] == ["quickstart: long [growth=c]", "quickstart: long [growth=d]"]


def test_parameters_are_numbers_where_they_are_numbers() -> None:
    run = replace(raw("0"), params={"regime.0.lr": "0.05", "regime.0.drops": "[1]", "threads": "1", "network": "x"})
    row = frame_of([run.parsed()]).iloc[0]
    assert (row["regime.0.lr"], row["threads"], row["regime.0.drops"], row["network"]) == (0.05, 1, "[1]", "msdnet 5x3")


def test_means_over_seeds_are_of_one_group_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """README's old example pooled groups that differ by `--set`; unfinished and repeated runs do not count."""
    monkeypatch.chdir(tmp_path)
    runs = [
        stored("0", last=0.5),
        stored("1", last=0.7),
        stored("1", last=0.1, started_ms=-5),  # trained again with --force since
        stored("2", tags.DIVERGED),
        stored("0", last=0.9, group="g2", more={tags.CHANGES: "network.growth=8"}),
    ]
    table = overthink.over_seeds(frame_of(runs), "test/accuracy/last", "test/oracle/accuracy")
    assert list(table.columns[-10:]) == "metric n mean std low high interval same_data repeats fixed".split()
    assert table["interval"].isin(["seeds", None]).all()  # nothing is stored of these runs
    last = table[table["metric"] == "test/accuracy/last"].set_index("changes")
    assert last["n"].to_dict() == {"": 2, "network.growth=8": 1}
    assert last.loc["", "mean"] == pytest.approx(0.6)
    assert last.loc["", "std"] == pytest.approx(0.2 / 2**0.5)
    assert last["std"].isna().to_dict() == {"": False, "network.growth=8": True}
    with pytest.raises(KeyError, match="test/acuracy/last"):
        overthink.over_seeds(frame_of(runs), "test/acuracy/last")
    assert list(tmp_path.iterdir()) == []  # reading makes no store


def test_intervals_hold_for_what_is_asked(example_folder: Path) -> None:
    """From the store that the frame was read from, wherever the notebook is by then."""
    frame, metric = overthink.runs(example_folder / "mlflow.db", "small"), "test/accuracy/last"
    widths = {}
    for over in ("seeds", "samples", "both"):
        table = overthink.over_seeds(frame, metric, "val/accuracy/last", interval=over)
        rows = table[table["group"] == "small: long"].to_dict("records")
        found = {row["metric"]: row for row in rows}
        assert found[metric]["interval"] == over
        assert found["val/accuracy/last"]["interval"] == "seeds"
        widths[over] = found[metric]["high"] - found[metric]["low"]
    assert widths["both"] >= widths["samples"] > 0
    (row,) = (row for row in overthink.overthinking_table(interval="seeds").rows if row.group == "small: long")
    assert row.interval == row.estimates[metric].interval == "seeds"


def test_an_opened_network_gives_the_stored_predictions(example_folder: Path) -> None:
    import torch

    run = overthink.runs(definitions="small").query("group == 'small: long' and seed == '0'").iloc[0]
    predictions, trained = overthink.read_predictions(run), overthink.open_network(run, example_folder / "mlflow.db")
    test = trained.test_set()
    assert (test.ids_N == predictions.ids_N).all()
    predicted_EN = trained.logits(torch.from_numpy(test.images_NKHW)).argmax(dim=2)
    assert (predicted_EN.numpy() == predictions.predicted_EN).all()
    shape = trained.definition.dataset.input_shape
    for images in (torch.zeros(2, *shape), torch.zeros(2, 1, *shape[1:], dtype=torch.uint8)):
        with pytest.raises(ValueError, match=r"expected uint8 images \(0 to 255\) of shape \(B, .*\), got "):
            trained.logits(images)


def test_a_table_has_differences_and_what_a_paper_reports(example_folder: Path) -> None:
    table = overthink.overthinking_table(definitions="small", against="small: short")
    rows = {
        row["group"]: row for row in table.frame.query("metric == 'test/overthinking/any_later'").to_dict("records")
    }
    long, short = rows["small: long"], rows["small: short"]
    assert (long["n"], long["paper"], long["missing"]) == (2, 0.1793, 0)
    assert long["difference_mean"] == pytest.approx(long["mean"] - short["mean"])
    assert long["difference_verdict"] == "no difference shown"
    assert isnan(long["difference_effect"])  # two seeds have none
    assert "\\toprule" in table.latex()
    assert table._repr_html_().startswith("<table")
    assert set(overthink.overthinking_table(policies=True).frame["group"]) == {"small-policy: base"}
    wide = overthink.overthinking_table(definitions="small", against="small: short", margin=0.9)
    assert "equal within 90 points" in set(wide.frame["difference_verdict"])
    with pytest.raises(ValueError, match="margin 250: expected percentage points"):
        overthink.overthinking_table(against="small: short", margin=2.5)
    with pytest.raises(ValueError, match="no row is called 'nothing'"):
        overthink.overthinking_table(against="nothing")


def test_figures_are_of_one_group(example_folder: Path) -> None:
    with pytest.raises(ValueError, match="these are of 2: "):
        overthink.figures(overthink.runs(definitions="small").query("variant == 'long'"))
    with pytest.raises(ValueError, match="of several arms"):
        overthink.figures(overthink.runs(definitions="tied", arms=True))


def test_figures_of_a_control_are_of_one_run(example_folder: Path) -> None:
    control = overthink.runs(definitions="tied", arms=True).query("arm == 'none'")
    assert len(control) == 2
    first = overthink.figures(control.query("seed == '0'"))
    assert {name: figure.to_json() for name, figure in overthink.figures(control).items()} == {
        name: figure.to_json() for name, figure in first.items()
    }


def test_a_table_of_a_definition_has_no_interval_over_its_variants(example_folder: Path) -> None:
    table = overthink.overthinking_table(definitions="small", by="definition")
    row = table.frame.query("metric == 'test/accuracy/last'").iloc[0]
    rows = overthink.overthinking_table(definitions="small").frame.query("metric == 'test/accuracy/last'")
    assert (row["groups"], row["n"]) == (5, (*rows["n"], 0)), "no run of the fifth is finished"
    assert row["mean"] == pytest.approx(rows["mean"].mean())
    assert (row["lowest"], row["highest"]) == (rows["mean"].min(), rows["mean"].max())
    assert "std" not in table.frame.columns
    assert "±" not in table.markdown()


def test_no_runs_give_empty_frames(tmp_path: Path) -> None:
    frame = overthink.runs(tmp_path / "absent.db")
    assert (len(frame), "group" in frame.columns) == (0, True)
    assert not (tmp_path / "absent.db").exists()
    assert len(overthink.over_seeds(frame)) == 0


def test_runs_of_studies_are_listed_by_arm_or_not_at_all(example_folder: Path) -> None:
    assert set(overthink.runs()["arm"]) == {""}
    arms = overthink.runs(definitions="tied", arms=True)
    assert arms.groupby("arm")["seed"].apply(sorted).to_dict() == {
        "init": ["0", "split0-init1-order0-augment0"],
        "none": ["0", "0-repeat1"],
    }


@pytest.mark.parametrize(
    "call, said",
    [
        (lambda: overthink.overthinking_table(by="varaint"), "by='varaint': expected one of variant, definition, "),
        (lambda: overthink.overthinking_table(interval="sample"), "interval='sample': expected one of seeds, samples"),  # type: ignore[arg-type]
        (lambda: overthink.over_seeds(overthink.runs(), interval="sample"), "interval='sample': expected one of"),  # type: ignore[arg-type]
        (lambda: overthink.over_seeds(pd.DataFrame()), "this one has no column 'kind'"),
        (lambda: overthink.figures(pd.DataFrame()), "this one has no column 'run_id'"),
        (lambda: overthink.launch("small.yaml", device="gpu"), "device='gpu': expected auto, cpu, cuda, or cuda:N"),
        (lambda: overthink.launch("small.yaml", jobs="2"), "jobs='2': expected a whole number from 1"),  # type: ignore[arg-type]
        (lambda: overthink.launch("small.yaml", kernels="fast"), "kernels='fast': expected one of auto, torch, native"),  # type: ignore[arg-type]
        (lambda: overthink.load_experiment("small.yaml", seeds=()), r"seeds=\(\): expected whole numbers from 0"),
        (lambda: overthink.load_experiment("small.yaml", seeds=(-1,)), r"seeds=\(-1,\): expected whole numbers"),
        (lambda: overthink.load_experiment("small.yaml", seeds=("a",)), r"seeds=\('a',\): expected whole numbers"),  # type: ignore[arg-type]
    ],
)
def test_what_an_argument_cannot_be_is_a_sentence(example_folder: Path, call: Callable[[], object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        call()


def test_seeds_may_be_a_list(example_folder: Path) -> None:
    assert len(overthink.load_experiment("small.yaml", seeds=[0, 1]).groups[0].runs) == 2
