"""`make backup` of one server, `make restore` into another that has never held anything."""

import hashlib
import os
import shutil
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
    password = stack.passwords["optuna-database"]
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
    admin = ("admin", stack.passwords["mlflow-admin"])
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

    admin = ("admin", fresh.passwords["mlflow-admin"])
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


def listed_anew(backup: Path) -> None:
    """Write the checksums of what is there, as if the backup had been made of it."""
    digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in backup.iterdir()}
    digests.pop("SHA256SUMS")
    (backup / "SHA256SUMS").write_text("".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items())))


def damaged(backup: Path) -> None:
    with (backup / "mlflow.dump").open("r+b") as file:
        file.seek(200)
        file.write(b"\0damage")


def cut(name: str, share: float) -> Callable[[Path], None]:
    def cut_one(backup: Path) -> None:
        os.truncate(backup / name, int((backup / name).stat().st_size * share))

    return cut_one


def without(name: str) -> Callable[[Path], None]:
    def remove(backup: Path) -> None:
        (backup / name).unlink()
        listed_anew(backup)

    return remove


def last_line(backup: Path) -> None:
    """Cut the list of checksums after its first line."""
    lines = (backup / "SHA256SUMS").read_text().splitlines(keepends=True)
    (backup / "SHA256SUMS").write_text("".join(lines[:1]))


def then_listed(harm: Callable[[Path], None]) -> Callable[[Path], None]:
    def both(backup: Path) -> None:
        harm(backup)
        listed_anew(backup)

    return both


HARM: dict[str, tuple[Callable[[Path], None], bool]] = {
    "a byte of a dump": (damaged, True),
    "half of the artifacts": (cut("artifacts.tar", 0.5), True),
    "half of a dump": (cut("optuna.dump", 0.5), True),
    "half of the checksums": (last_line, True),
    "empty checksums": (cut("SHA256SUMS", 0), True),
    "no artifacts": (without("artifacts.tar"), True),
    "no dump": (without("optuna.dump"), True),
    # Here the checksums are those of the damage: only unpacking shows it.
    "half of the artifacts, listed": (then_listed(cut("artifacts.tar", 0.5)), False),
    "no byte of a dump, listed": (then_listed(cut("mlflow.dump", 0)), False),
    "half of a dump, listed": (then_listed(cut("mlflow.dump", 0.5)), False),
    "most of a dump, listed": (then_listed(cut("optuna.dump", 0.95)), False),
    "another database": (then_listed(lambda backup: copied(backup, "optuna.dump", "mlflow.dump")), False),
}
"""What harms a backup, and whether it shows before anything is asked of the server."""


def copied(backup: Path, name: str, to: str) -> None:
    shutil.copy(backup / name, backup / to)


def held(stack: Stack) -> tuple[object, ...]:
    """Return all that a server holds: the rows of its runs, studies and accounts, and its artifacts."""
    tables = (("mlflow", "runs"), ("mlflow", "metrics"), ("mlflow", "users"), ("optuna", "trials"))
    with_rows = [
        stack.call(
            "postgres", "psql", "--username=postgres", f"--dbname={base}", "-c", f"TABLE {table}", capture_output=True
        )
        for base, table in tables
    ]
    names = ["--tuples-only", "--no-align", "-c", "SELECT datname FROM pg_database ORDER BY 1"]
    databases = stack.call("postgres", "psql", "--username=postgres", "--dbname=postgres", *names, capture_output=True)
    artifacts = stack.folder / "artifacts"
    files = {str(path.relative_to(artifacts)): path.is_file() and path.read_bytes() for path in artifacts.rglob("*")}
    return [one.stdout for one in with_rows], databases.stdout, files


@pytest.mark.parametrize("harm", HARM)
def test_a_damaged_backup_changes_nothing(filled: tuple[Stack, str, bytes], harm: str) -> None:
    stack = filled[0]
    backup = back_up(stack).rename(stack.folder / "backups" / harm.replace(" ", "-"))
    apply, shows = HARM[harm]
    apply(backup)
    put(stack)
    asked = stack.folder / "bin" / "asked"
    asked.unlink()
    before = held(stack)
    refused = make(stack.folder, "restore", f"FROM={backup}", "REPLACE=yes", PATH=put(stack))
    assert refused.returncode != 0
    assert ("nothing was changed" if shows else "not restored; the server has what it had") in refused.stderr
    assert held(stack) == before
    assert asked.exists() != shows
    assert shows or "compose stop" not in asked.read_text()
    assert stack.healthy("mlflow")


def test_a_restore_that_is_interrupted_is_done_again(filled: tuple[Stack, str, bytes]) -> None:
    """Its two steps are: both databases at once, then the artifacts. Killed in between, the same call ends it."""
    stack = filled[0]
    backup = back_up(stack)
    before = held(stack)
    path = put(stack)
    docker = stack.folder / "bin" / "docker"
    whole = docker.read_text()
    docker.write_text(whole.replace("\n", '\ncase "$*" in *.replaced*) exit 9 ;; esac\n', 1))
    failed = make(stack.folder, "restore", f"FROM={backup}", "REPLACE=yes", PATH=path)
    assert failed.returncode != 0
    assert "interrupted while it took its place; do the same again, with REPLACE=yes" in failed.stderr
    done = make(stack.folder, "restore", f"FROM={backup}", "REPLACE=yes", PATH=put(stack))
    assert done.returncode == 0, done.stderr
    assert held(stack) == before


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
