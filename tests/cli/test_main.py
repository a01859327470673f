"""The command as people and scripts meet it: its output and its exit codes."""

import csv
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from overthink.store import tags
from overthink.store.client import Store
from overthink.store.raw_run import RawRun
from overthink.store.writer import Writer
from support.command import invoke, overthink
from support.old_store import unpack
from support.small import definition
from support.small_sweep import sweep_file
from support.stored_runs import raw


@pytest.mark.process
def test_as_many_files_may_be_open_as_the_system_allows(tmp_path: Path) -> None:
    """Each run that is planned holds a lock: a study of a thousand networks would end with `too many open files`."""
    asks = "from overthink.cli.main import main; import resource, atexit, sys; sys.argv = ['overthink', '--version']"
    says = "atexit.register(lambda: print(*resource.getrlimit(resource.RLIMIT_NOFILE)))"
    command = f'ulimit -Sn 64; exec {sys.executable} -c "{asks}; {says}; main()"'
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
    soft, hard = map(int, done.stdout.splitlines()[-1].split())
    assert soft == min(hard, 65_536)


def test_help_and_version(tmp_path: Path) -> None:
    helped = overthink(tmp_path, "--help")
    assert helped.returncode == 0
    for command in ("run", "inspect", "compare", "predict", "bench", "ui", "data"):
        assert command in helped.stdout
    asked = " ".join(invoke(tmp_path, "run", "--help").stdout.replace("│", " ").split())
    assert "Folder of data sets. Default: OVERTHINK_DATA, else ~/.cache/overthink/data." in asked
    assert invoke(tmp_path, "--version").stdout.startswith("overthink 0.")


HEAVY = "torch mlflow pandas plotly numpy"


@pytest.mark.parametrize(
    "arguments, heavy",
    [
        (["--help"], f"{HEAVY} pydantic"),
        (["run", "--help"], HEAVY),  # typer reads options with pydantic
        (["run", "absent.yaml", "--device", "gpu"], HEAVY),
        (["predict", "abcdef", "absent.png"], HEAVY),
    ],
)
def test_help_and_wrong_options_import_nothing_heavy(tmp_path: Path, arguments: list[str], heavy: str) -> None:
    code = (
        "from overthink.cli.main import execute\n"
        f"import sys; execute({arguments!r})\n"
        f"print([name for name in {heavy.split()} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == "[]"


def test_compare_reads_predictions_without_mlflow(tmp_path: Path) -> None:
    """Importing it takes longer than to read 30 runs; so does pandas, which pyarrow imports on its own accord."""
    unpack(tmp_path)
    code = (
        "from overthink.cli.commands.compare import compare\n"
        "import sys; compare()\n"
        "print([name for name in 'torch mlflow pandas plotly scipy sklearn'.split() if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert "for new seeds and new test samples" in " ".join(done.stdout.split())
    assert done.stdout.splitlines()[-1] == "[]"


PLANS = (
    ["run", "small.yaml", "--dry-run"],
    ["inspect", "small.yaml"],
    ["sweep", "tiny-sweep.yaml", "--dry-run"],
    ["clean"],
)


def test_what_trains_nothing_answers_without_torch_and_mlflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Importing them takes seconds; the first look at a network needs torch, and what it finds is kept."""
    unpack(tmp_path)
    shutil.rmtree(tmp_path / ".overthink")  # journals, which each command would upload
    sweep_file(tmp_path)
    monkeypatch.delenv("OVERTHINK_KERNELS")
    code = (
        "import sys; from overthink.cli.main import execute; from overthink.networks import availability\n"
        "availability.build_kernels = lambda *_, **__: None\n"  # which takes many seconds
        f"codes = [execute(arguments) for arguments in {PLANS!r}]\n"
        "print(codes, [name for name in 'torch mlflow pandas plotly scipy sklearn'.split() if name in sys.modules])"
    )
    done = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
        for _ in range(2)
    ]
    assert done[1].stdout.splitlines()[-1] == "[0, 0, 0, 0] []"
    first, second = (one.stdout.splitlines()[:-1] for one in done)
    assert first == second
    assert done[0].stderr == done[1].stderr
    assert "2 of 2 runs would be trained" in done[1].stderr


def inspected(folder: Path, *arguments: str) -> Any:
    done = invoke(folder, "inspect", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_inspect_gives_the_references_golden_numbers(tmp_path: Path) -> None:
    thesis = inspected(tmp_path, "mmm-200-epochs", "--images", "3x32x32", "--classes", "100")
    assert [entry["params"] for entry in thesis["exits"]] == [299_704, 649_740, 1_018_308, 1_492_424, 2_078_924]
    assert [round(entry["mul_adds"] / 1e6, 3) for entry in thesis["exits"]] == [6.860, 14.350, 27.537, 41.715, 58.481]
    assert [entry["exit"] for entry in thesis["exits"]] == [1, 2, 3, 4, 5]
    anytime = ["network.blocks=7", "network.step_mode=even", "network.base=4", "network.step=2"]
    settings = [word for setting in anytime for word in ("--set", setting)]
    seven = inspected(tmp_path, "mmm-200-epochs", "--images", "3x32x32", "--classes", "100", *settings)
    assert [round(entry["mul_adds"] / 1e6, 3) for entry in seven["exits"]] == [
        *(15.140, 25.506, 37.096, 46.331, 57.336, 66.961, 75.938)
    ]
    assert seven["parameters"] == 3_067_960


def test_inspect_shows_the_resolved_definition_and_its_keys(tmp_path: Path) -> None:
    shown = inspected(tmp_path, str(definition(tmp_path)), "--set", "regime.0.epochs=9", "--seeds", "4:6")
    assert shown["definition"]["regime"][0]["epochs"] == 9
    assert [run["seeds"]["init"] for run in shown["runs"]] == [4, 5]
    assert len({run["run_key"] for run in shown["runs"]}) == 2
    readable = invoke(tmp_path, "inspect", "quickstart")
    assert "MUL-ADDs" in readable.stdout
    assert "quickstart: long" in readable.stdout


@pytest.mark.parametrize(
    "arguments, code, said",
    [
        (["run", "absent.yaml"], 2, "absent.yaml: no such file"),
        (["run", "quikstart"], 2, "did you mean 'quickstart'?"),
        (
            ["run", "quickstart-sweep"],
            2,
            "a shipped sweep, no experiment; start it with overthink sweep quickstart-sweep",
        ),
        (["sweep", "quickstart"], 2, "a shipped experiment, no sweep; start it with overthink run quickstart"),
        (["run", "quickstart", "--plugin", "nosuchmod", "--dry-run"], 2, "plug-in nosuchmod: no such module in"),
        (["run", "quickstart", "--set", "network.growht=3"], 2, "unknown key 'growht'; did you mean 'growth'?"),
        (["run", "quickstart", "--set", "network.scales=4"], 2, "growth_factors"),
        (["run", "quickstart", "--seeds", "5:2"], 2, "--seeds '5:2'"),
        (["run", "quickstart", "--device", "gpu"], 2, "--device gpu: expected auto, cpu, cuda"),
        (["inspect", "quickstart", "--images", "32"], 2, "such as 3x32x32"),
        (["inspect", "quickstart", "--images", "32x32x3"], 2, "write [3, 32, 32]"),
        (["compare", "--by", "regim"], 2, "did you mean 'regime'?"),
        (["compare", "--interval", "seed"], 2, "not one of seeds, samples, both; did you mean 'seeds'?"),
        (["compare", "--format", "xls"], 2, "not one of table, markdown"),
        (["compare", "--margin", "1"], 2, "margin 1: it is one of differences, so name the baseline, too (--against)"),
        (["compare", "--against", "plain", "--margin", "0"], 2, "margin 0: expected percentage points above 0"),
        (["report", "quickstart", "--margin", "1"], 2, "name the baseline, too"),
        (["data", "get", "imagenet"], 2, "no such data set"),
        (["data", "show", "max-min-mnist", "--set", "test=3"], 2, "test must be a multiple of 40"),
        (["data", "show", "max-min-mnist"], 2, "overthink data get mnist"),
        (["fly"], 2, "No such command"),
    ],
)
def test_mistakes_are_one_sentence_and_an_exit_code(tmp_path: Path, arguments: list[str], code: int, said: str) -> None:
    done = invoke(tmp_path, *arguments, OVERTHINK_DATA=str(tmp_path / "data"))
    assert done.returncode == code, done.stderr
    assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert [path.name for path in tmp_path.iterdir() if path.name != "cache"] == []


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    assert "Traceback" in invoke(tmp_path, "--debug", "run", "absent.yaml").stderr


@pytest.mark.parametrize("debug", [(), ("--debug",)])
def test_no_message_shows_the_password_of_a_store(tmp_path: Path, debug: tuple[str, ...]) -> None:
    """The server is unreachable; libraries quote its address."""
    uri = "http://ann:sesame@127.0.0.1:9"
    shown = invoke(tmp_path, *debug, "ui", MLFLOW_TRACKING_URI=uri, MLFLOW_HTTP_REQUEST_MAX_RETRIES="0")
    assert shown.returncode == 1
    assert "http://ann:***@127.0.0.1:9: it does not answer (Connection refused)" in " ".join(shown.stderr.split())
    assert "sesame" not in shown.stderr + shown.stdout


def test_a_store_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_bytes(b"noise" * 1000)
    done = invoke(tmp_path, "run", "quickstart")
    assert done.returncode == 1
    assert f"store sqlite:///{tmp_path}/mlflow.db: file is not a database" in done.stderr


def test_a_dry_run_says_what_would_be_done(tmp_path: Path, empty_database: Path) -> None:
    (tmp_path / "mlflow.db").write_bytes(empty_database.read_bytes())
    path = definition(tmp_path)
    done = invoke(tmp_path, "run", str(path), "--dry-run")
    assert "2 of 2 runs would be trained. Nothing was done" in done.stderr
    one = invoke(tmp_path, "run", str(path), "--dry-run", "--seeds", "3")
    assert "--seeds 3 is seed 3 alone; 3 seeds are --seeds 0:3." in one.stderr
    planned = json.loads(invoke(tmp_path, "run", str(path), "--dry-run", "--json").stdout)
    assert [run["action"] for run in planned] == ["train", "train"]
    assert not (tmp_path / ".overthink").exists()


def test_a_dry_run_makes_no_store(tmp_path: Path) -> None:
    done = invoke(tmp_path, "run", str(definition(tmp_path)), "--dry-run")
    assert "2 of 2 runs would be trained" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["small.yaml"]


def test_a_dry_run_says_what_a_design_costs(tmp_path: Path, empty_database: Path) -> None:
    (tmp_path / "mlflow.db").write_bytes(empty_database.read_bytes())
    definition(tmp_path)
    study = {"kind": "study", "schema_version": 1, "name": "design", "description": "A design.", "base": "small.yaml"}
    design = {"sobol": ["split", "init", "order", "augment"], "repeats": 2, "base_points": 3}
    (tmp_path / "study.yaml").write_text(json.dumps(study | design))
    said = " ".join(invoke(tmp_path, "run", "study.yaml", "--dry-run").stderr.split())
    assert "base · design: 27 networks for 9 arms of 2 around 3 base points, 51 without runs that arms share." in said
    assert "27 of 27 runs would be trained" in said


@pytest.mark.process
def test_some_failed_runs_are_exit_code_3(tmp_path: Path, empty_database: Path) -> None:
    (tmp_path / "mlflow.db").write_bytes(empty_database.read_bytes())
    variants = {"good": {}, "wild": {"regime.0.lr": 1e30}}
    path = definition(tmp_path, regime=[{"epochs": 1}], seeds=1, variants=variants)
    done = overthink(tmp_path, "run", str(path), "--json", "--jobs", "2", NO_COLOR="1")
    assert done.returncode == 3, done.stderr
    document = json.loads(done.stdout)
    assert (document["complete"], document["policy"]["rows"]) == (False, [])
    runs = {run["name"]: run for run in document["runs"]}
    assert runs["seed 0 · good · small"]["outcome"] == "finished"
    assert runs["seed 0 · wild · small"]["outcome"] == "diverged"
    message = runs["seed 0 · wild · small"]["message"]
    assert "diverged" in message
    good, wild = sorted(document["rows"], key=lambda row: row["group"])
    assert good["estimates"]["test/accuracy/last"]["n"] == 1
    assert wild["gaps"] == [{"group": "small: wild", "seed": "0", "outcome": "diverged", "message": message}]
    assert "the run diverged" in done.stderr
    compared = invoke(tmp_path, "compare", str(path), "--format", "json")
    assert compared.returncode == 3
    assert [gap["message"] for row in json.loads(compared.stdout)["rows"] for gap in row["gaps"]] == [message]
    assert "\x1b" not in done.stderr + done.stdout
    assert "workflowType=machine_learning&viewStateShareKey=" in done.stderr


def store_of(folder: Path, runs: list[RawRun], database: Path) -> None:
    (folder / "mlflow.db").write_bytes(database.read_bytes())
    store = Store(f"sqlite:///{folder}/mlflow.db")
    writer = Writer(store)
    experiment_id = store.experiment("quickstart", "note")
    for run in runs:
        run_id = writer.create(experiment_id, run.name, run.tags, {})
        writer.log(run_id, run.metrics)
        writer.close(run_id, run.parsed().outcome)


def test_compare_in_every_format(tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    runs = [
        raw("0 1 2", kind=tags.KIND_GROUP, reported=0.1793),
        raw("0"),
        raw("1", last=0.7),
        raw("2", tags.DIVERGED),
    ]
    store_of(tmp_path, runs, empty_database)
    table = invoke(tmp_path, "compare")
    assert table.returncode == 3  # a seed is missing from the numbers
    assert "65.00 ± 7.07" in table.stdout
    assert "paper 17.93" in table.stdout
    assert max(map(len, table.stdout.splitlines())) <= 80
    narrow = invoke(tmp_path, "compare", COLUMNS="20").stdout
    assert all(number in narrow for number in ("65.00 ± 7.07", "paper 17.93", "2 of 3"))
    assert "| 2 of 3 |" in invoke(tmp_path, "compare", "--format", "markdown").stdout
    assert r"\toprule" in invoke(tmp_path, "compare", "--format", "latex").stdout
    assert "<table" in invoke(tmp_path, "compare", "--format", "html").stdout
    (row,) = json.loads(invoke(tmp_path, "compare", "--by", "regime", "--format", "json").stdout)["rows"]
    assert row["group"] == "4 joint"
    (record,) = csv.DictReader(io.StringIO(invoke(tmp_path, "compare", "--format", "csv").stdout))
    assert float(record["test/overthinking/any_later/paper"]) == 0.1793


def test_compare_on_nothing_says_so(tmp_path: Path) -> None:
    done = invoke(tmp_path, "compare")
    assert (done.returncode, done.stdout) == (0, "")
    assert "No runs in the store yet; start some with overthink run." in done.stderr
    assert json.loads(invoke(tmp_path, "compare", "--format", "json").stdout)["rows"] == []
    assert not (tmp_path / "mlflow.db").exists()


def test_compare_shows_what_a_definition_asks_for_and_nobody_has_run(tmp_path: Path, empty_database: Path) -> None:
    (tmp_path / "mlflow.db").write_bytes(empty_database.read_bytes())
    path = definition(tmp_path, variants={"narrow": {}, "wide": {"network.growth": 4}})
    done = invoke(tmp_path, "compare", str(path), "--format", "json")
    assert done.returncode == 3
    rows = json.loads(done.stdout)["rows"]
    assert [row["group"] for row in rows] == ["small: narrow", "small: wide"]
    assert [gap["outcome"] for row in rows for gap in row["gaps"]] == ["missing"] * 4


def test_data_list_and_show(tmp_path: Path) -> None:
    listed = json.loads(invoke(tmp_path, "data", "list", "--json", "--data-root", str(tmp_path)).stdout)
    here = {entry["name"]: entry["here"] for entry in listed["datasets"]}
    assert [name for name in here if here[name]] == ["max-min-mnist-embedded"]
    assert invoke(tmp_path, "data", "list").returncode == 0
    done = invoke(tmp_path, "data", "show", "max-min-mnist-embedded", "--output", "picture.png")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
    assert "nothing to download" in invoke(tmp_path, "data", "get", "max-min-mnist-embedded").stderr
