"""`make backup` of one server, `make restore` into another that has never held anything."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna
import pytest
import requests

from support.docker_stand_in import put
from support.server_stack import Stack, make

ANN = ("ann", "a password of ann's")
API = "/api/2.0/mlflow"


@pytest.fixture(scope="module", autouse=True)
def quiet() -> Iterator[None]:
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    yield
    optuna.logging.set_verbosity(level)


def ask(stack: Stack, method: str, path: str, auth: tuple[str, str], **options: object) -> requests.Response:
    address = f"http://127.0.0.1:{stack.ports['mlflow']}"
    host = {"Host": f"localhost:{stack.ports['proxy']}"}
    return requests.request(method, address + path, auth=auth, headers=host, timeout=60, **options)  # type: ignore[arg-type]


@contextmanager
def studies(stack: Stack) -> Iterator[optuna.storages.RDBStorage]:
    """Open the stack's database of studies; close its connections, which Optuna leaves to the garbage collector."""
    password = stack.secrets["OPTUNA_DB_PASSWORD"]
    storage = optuna.storages.RDBStorage(
        f"postgresql+psycopg://optuna:{password}@127.0.0.1:{stack.ports['postgres']}/optuna"
    )
    yield storage
    storage.remove_session()
    storage.engine.dispose()


def one_more(study: optuna.Study) -> None:
    study.optimize(lambda trial: trial.suggest_float("lambda", 1, 50), n_trials=1)


def fill(stack: Stack) -> tuple[str, bytes]:
    """Store an account, a run with an artifact, and a study; return the run and the artifact."""
    admin = ("admin", stack.secrets["MLFLOW_ADMIN_PASSWORD"])
    ask(stack, "POST", f"{API}/users/create", admin, json=dict(zip(("username", "password"), ANN, strict=True)))
    experiment = ask(stack, "POST", f"{API}/experiments/create", ANN, json={"name": "kept"}).json()["experiment_id"]
    run = ask(stack, "POST", f"{API}/runs/create", ANN, json={"experiment_id": experiment}).json()["run"]["info"][
        "run_id"
    ]
    metric = {"run_id": run, "key": "accuracy", "value": 0.625, "timestamp": 1, "step": 3}
    assert ask(stack, "POST", f"{API}/runs/log-metric", ANN, json=metric).status_code == 200
    content = bytes(range(256)) * 400
    where = f"/api/2.0/mlflow-artifacts/artifacts/{experiment}/{run}/artifacts/ü bytes.bin"
    assert ask(stack, "PUT", where, ANN, data=content).status_code == 200
    with studies(stack) as storage:
        one_more(optuna.create_study(study_name="lambda", storage=storage))
    return run, content


@pytest.fixture(scope="module")
def filled(new_stack: Callable[..., Stack]) -> tuple[Stack, str, bytes]:
    stack = new_stack()
    stack.start("postgres", "mlflow")
    return stack, *fill(stack)


def back_up(stack: Stack) -> Path:
    done = make(stack.folder, "backup", PATH=put(stack))
    assert done.returncode == 0, done.stdout + done.stderr
    return stack.folder / done.stdout.split()[-1]


def test_a_server_goes_on_from_its_backup(filled: tuple[Stack, str, bytes], new_stack: Callable[..., Stack]) -> None:
    old, run, content = filled
    backup = back_up(old)
    assert {path.name for path in backup.iterdir()} == {"mlflow.dump", "optuna.dump", "artifacts.tar", "SHA256SUMS"}
    assert all(path.stat().st_mode & 0o077 == 0 for path in (backup, *backup.iterdir()))
    with studies(old) as storage:
        trials = optuna.load_study(study_name="lambda", storage=storage).trials

    fresh = new_stack()
    fresh.start("postgres")
    done = make(fresh.folder, "restore", f"FROM={backup}", PATH=put(fresh))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "compose stop proxy optuna-dashboard mlflow" in (fresh.folder / "bin" / "asked").read_text()
    fresh.start("mlflow", "optuna-dashboard")

    admin = ("admin", fresh.secrets["MLFLOW_ADMIN_PASSWORD"])
    assert ask(fresh, "GET", f"{API}/experiments/search?max_results=1", admin).status_code == 401  # it is the old one's
    assert ask(fresh, "GET", f"{API}/experiments/search?max_results=1", ANN).status_code == 200
    found = ask(fresh, "GET", f"{API}/runs/get?run_id={run}", ANN).json()["run"]
    (metric,) = found["data"]["metrics"]
    assert (metric["key"], metric["value"], metric["step"]) == ("accuracy", 0.625, 3)
    experiment = found["info"]["experiment_id"]
    where = f"/api/2.0/mlflow-artifacts/artifacts/{experiment}/{run}/artifacts/ü bytes.bin"
    assert ask(fresh, "GET", where, ANN).content == content
    assert ask(fresh, "POST", f"{API}/runs/create", ANN, json={"experiment_id": experiment}).status_code == 200
    with studies(fresh) as storage:
        restored = optuna.load_study(study_name="lambda", storage=storage)
        assert restored.trials == trials != []
        one_more(restored)
    assert fresh.healthy("optuna-dashboard")


def test_runs_are_not_replaced_by_mistake(filled: tuple[Stack, str, bytes]) -> None:
    stack = filled[0]
    backup = back_up(stack)
    refused = make(stack.folder, "restore", f"FROM={backup}", PATH=put(stack))
    assert refused.returncode != 0
    assert "this server has runs, which the backup would replace" in refused.stderr
    later = ask(stack, "POST", f"{API}/experiments/create", ANN, json={"name": "after the backup"}).status_code
    assert later == 200
    done = make(stack.folder, "restore", f"FROM={backup}", "REPLACE=yes", PATH=put(stack))
    assert done.returncode == 0, done.stderr
    names = stack.call(
        "mlflow",
        "psql",
        "--dbname=mlflow",
        "--tuples-only",
        "--command=SELECT name FROM experiments",
        capture_output=True,
    )
    assert b"kept" in names.stdout
    assert b"after the backup" not in names.stdout


@pytest.mark.parametrize("damage", ["mlflow.dump", "artifacts.tar"])
def test_a_damaged_backup_changes_nothing(filled: tuple[Stack, str, bytes], damage: str) -> None:
    stack = filled[0]
    backup = back_up(stack).rename(stack.folder / "backups" / f"damaged-{damage}")
    with (backup / damage).open("r+b") as file:
        file.seek(200)
        file.write(b"\0damage")
    put(stack)
    (stack.folder / "bin" / "asked").unlink()
    refused = make(stack.folder, "restore", f"FROM={backup}", "REPLACE=yes", PATH=put(stack))
    assert refused.returncode != 0
    assert "the backup is damaged; nothing was changed" in refused.stderr
    assert not (stack.folder / "bin" / "asked").exists()


def test_a_backup_that_fails_leaves_none(filled: tuple[Stack, str, bytes]) -> None:
    stack = filled[0]
    path = put(stack)
    known = stack.folder / "bin" / "known.json"
    known.write_text(known.read_text().replace(f'"PGPORT": "{stack.ports["postgres"]}"', '"PGPORT": "1"'))
    before = sorted((stack.folder / "backups").glob("*"))
    refused = make(stack.folder, "backup", PATH=path)
    assert refused.returncode != 0
    assert "pg_dump: error: connection to server" in refused.stderr
    assert "backup: " not in refused.stdout
    assert sorted((stack.folder / "backups").glob("*")) == before


def test_nothing_to_restore(filled: tuple[Stack, str, bytes]) -> None:
    stack = filled[0]
    for arguments in ([], ["FROM=backups/none"]):
        refused = make(stack.folder, "restore", *arguments, PATH=put(stack))
        assert "no backup found" in refused.stderr
        assert refused.returncode != 0
