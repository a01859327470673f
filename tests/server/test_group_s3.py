"""Artifacts in an S3-compatible storage: a variable of the server's, of which people on their machines know nothing."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.docker_stand_in import put
from support.server_group import API, ARTIFACTS, Group, first_run, with_accounts
from support.server_stack import Stack, make
from support.small import definition

boto3 = pytest.importorskip("boto3")
moto = pytest.importorskip("moto.server", reason="no S3-compatible server without moto")
KEYS = {"AWS_ACCESS_KEY_ID": "a-key", "AWS_SECRET_ACCESS_KEY": "its-secret"}


@pytest.fixture(scope="module")
def storage() -> Iterator[tuple[str, Any]]:
    """A storage with one bucket, `group`: its address, and a client of it."""
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    address = "http://{}:{}".format(*server.get_host_and_port())
    keys = {name.lower(): value for name, value in KEYS.items()}
    client = boto3.client("s3", endpoint_url=address, region_name="us-east-1", **keys)
    client.create_bucket(Bucket="group")
    yield address, client
    client.close()
    server.stop()


@pytest.fixture(scope="module")
def group_on_s3(storage: tuple[str, Any], new_stack: Callable[..., Stack]) -> Group:
    stack = new_stack(
        COMPOSE_FILE="docker-compose.yml:server/s3.yml", ARTIFACTS="s3://group/runs", MLFLOW_S3_ENDPOINT_URL=storage[0]
    )
    keys = "".join(f"{name.lower()} = {value}\n" for name, value in KEYS.items())
    (stack.folder / "secrets" / "s3-credentials").write_text(f"[default]\n{keys}")
    stack.start("postgres", "mlflow", "proxy")
    return with_accounts(stack)


def test_a_run_s_artifacts_go_to_the_bucket_and_come_back_whole(
    group_on_s3: Group, storage: tuple[str, Any], tmp_path: Path
) -> None:
    definition(tmp_path, seeds=1, regime=[{"epochs": 1}])
    done = group_on_s3.overthink("ann", tmp_path, "run", "small.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    experiment, run = first_run(group_on_s3, "small")
    own = f"{experiment}/{run}/artifacts"
    names = [one["Key"] for one in storage[1].list_objects_v2(Bucket="group", Prefix=f"runs/{own}/")["Contents"]]
    assert f"runs/{own}/predictions/test.parquet" in names
    for name in names:
        kept = storage[1].get_object(Bucket="group", Key=name)["Body"].read()
        assert group_on_s3.ask("bob", "GET", f"{ARTIFACTS}/{name.removeprefix('runs/')}").content == kept
    listed = group_on_s3.ask(
        "bob", "GET", f"{API}/artifacts/list", params={"run_id": run, "path": "predictions"}
    ).json()
    assert {one["path"] for one in listed["files"]} == {
        name.removeprefix(f"runs/{own}/") for name in names if "/predictions/" in name
    }
    assert list((group_on_s3.stack.folder / "artifacts").iterdir()) == []


def test_a_backup_says_that_it_has_no_artifacts(group_on_s3: Group) -> None:
    stack = group_on_s3.stack
    done = make(stack.folder, "backup", PATH=put(stack))
    assert done.returncode == 0, done.stderr
    assert "the artifacts in s3://group/runs are not in this backup" in done.stdout
    (backup,) = (stack.folder / "backups").iterdir()
    assert {path.name for path in backup.iterdir()} == {"mlflow.dump", "optuna.dump", "SHA256SUMS"}
