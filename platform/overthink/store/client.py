"""The MLflow store: opening it, and reporting in one sentence what is wrong with it."""

import logging
import os
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")  # ours show more
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")  # standard output holds results alone
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")  # its default retries for minutes without a message
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")

import mlflow
import requests
import sqlalchemy.exc
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from mlflow import MlflowClient
from mlflow.entities import Experiment, ViewType
from mlflow.exceptions import MlflowException

from overthink.predictions.predictions import Predictions
from overthink.store import tags
from overthink.store.uri import tracking_uri, without_password
from overthink.store.view import TAG_PREFIX

logging.getLogger("alembic").setLevel(logging.WARNING)
logging.getLogger("mlflow").setLevel(logging.WARNING)
logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)  # it warns of each request that it repeats


class StoreError(RuntimeError):
    """The store cannot be used; the sentence names it."""


class Store:
    """A tracking store by its URI: MLFLOW_TRACKING_URI, else `mlflow.db` in the working directory."""

    def __init__(self, uri: str | None = None) -> None:
        self.uri = uri or tracking_uri()
        self.seconds = 0.0
        """How long the thread that opened the store has waited for it; what other threads wait for delays nothing."""
        self._thread = threading.get_ident()
        _check_scheme(self.uri)
        with self.sentences():
            self.client = MlflowClient(self.uri)
        self.ping()

    def ping(self) -> None:
        """Send a small request; raises StoreError where the store is unreachable."""
        with self.sentences():
            self.client.search_experiments(max_results=1)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Count the time that a block takes as waiting for the store."""
        started = time.perf_counter()
        try:
            yield
        finally:
            if threading.get_ident() == self._thread:
                self.seconds += time.perf_counter() - started

    @contextmanager
    def sentences(self) -> Iterator[None]:
        """Turn whatever a store's libraries raise into a StoreError of one sentence."""
        try:
            with self.waiting():
                yield
        except CommandError as error:
            raise StoreError(f"store {self.shown}: written by a newer MLflow ({error}); update mlflow") from error
        # MLflow passes on the errors of requests, which transfers artifacts.
        except (MlflowException, sqlalchemy.exc.SQLAlchemyError, requests.RequestException) as error:
            raise StoreError(f"store {self.shown}: {_reason(error)}") from error

    @property
    def shown(self) -> str:
        """The URI without its password."""
        return without_password(self.uri)

    def experiment(self, name: str, note: str) -> str:
        """Return the id of the MLflow experiment of a definition, made where it is missing.

        `note` describes it, unless a person has edited the description since.
        """
        notes = {tags.MLFLOW_NOTE: note, tags.NOTE: note}
        with self.sentences():
            found = self.client.get_experiment_by_name(name) or self._created(name, notes)
            if found.lifecycle_stage == "deleted":
                raise StoreError(
                    f"store {self.shown}: experiment {name!r} is deleted in MLflow; restore or purge it first"
                )
            not_edited = found.tags.get(tags.MLFLOW_NOTE) == found.tags.get(tags.NOTE)
            if not_edited and found.tags.get(tags.NOTE) != note:
                self._tag(found.experiment_id, notes)
            return str(found.experiment_id)

    def _created(self, name: str, experiment_tags: dict[str, str]) -> Experiment:
        try:
            return self.client.get_experiment(self.client.create_experiment(name, tags=experiment_tags))
        except MlflowException as error:
            made_meanwhile = self.client.get_experiment_by_name(name)
            if error.error_code != "RESOURCE_ALREADY_EXISTS" or made_meanwhile is None:
                raise
            return made_meanwhile

    def offer_views(self, experiment_id: str, views: Mapping[str, str]) -> None:
        """Give an experiment its saved views (key -> state); views that overthink saved earlier are replaced."""
        with self.sentences():
            known = self.client.get_experiment(experiment_id).tags.get(tags.VIEWS, "").split()
            if known == list(views):
                return
            for key in known:
                with suppress(MlflowException):  # another process has deleted it
                    self.client.delete_experiment_tag(experiment_id, TAG_PREFIX + key)
            states = {TAG_PREFIX + key: state for key, state in views.items()}
            self._tag(experiment_id, {**states, tags.VIEWS: " ".join(views)})

    def _tag(self, experiment_id: str, values: Mapping[str, str]) -> None:
        """Set tags of an experiment, also where another process inserts them at the same moment."""
        for key, value in values.items():
            try:
                self.client.set_experiment_tag(experiment_id, key, value)
            except (MlflowException, sqlalchemy.exc.IntegrityError):  # it is there now, so this is an update
                self.client.set_experiment_tag(experiment_id, key, value)

    def tag_experiment(self, experiment_id: str, key: str, value: str | None) -> None:
        """Set a tag of an experiment, or remove it."""
        with self.sentences():
            if value is not None:
                self._tag(experiment_id, {key: value})
                return
            with suppress(MlflowException):  # it is not there
                self.client.delete_experiment_tag(experiment_id, key)

    def experiment_tags(self, prefix: str) -> list[tuple[str, str]]:
        """Return the tags of all experiments whose names begin with a prefix: what follows it, and the value."""
        return [
            (key.removeprefix(prefix), value)
            for experiment in self._experiments()
            for key, value in experiment.tags.items()
            if key.startswith(prefix)
        ]

    def view_of(self, experiment_id: str) -> str | None:
        """Return the key of the view that an experiment opens with."""
        with self.sentences():
            keys = self.client.get_experiment(experiment_id).tags.get(tags.VIEWS, "").split()
        return keys[0] if keys else None

    def artifact(self, run_id: str, name: str, folder: Path) -> Path:
        """Fetch an artifact of a run into a folder of its own; return the local file, which is not to be trusted."""
        if not run_id.isalnum():
            raise StoreError(f"store {self.shown}: {run_id!r} is not a run id")
        target = folder / run_id
        target.mkdir(parents=True, exist_ok=True)
        try:
            with self.sentences():
                return Path(self.client.download_artifacts(run_id, name, str(target)))
        except StoreError as error:
            self.ping()  # where the store is unreachable, that is why
            raise StoreError(
                f"store {self.shown}: {name or 'an artifact'} of run {run_id} is not there; if it was deleted, the "
                "command that trained the run trains it again with --force"
            ) from error

    def text(self, run_id: str, name: str) -> str:
        """Return a text artifact of a run, which is not to be trusted."""
        with TemporaryDirectory() as folder:
            return self.artifact(run_id, name, Path(folder)).read_text()

    def predictions(self, run_id: str, split: str) -> Predictions:
        """Return the predictions of a run for a split, "val" or "test"; raises ValueError where they are damaged."""
        with TemporaryDirectory() as folder:
            return Predictions.read(self.artifact(run_id, f"predictions/{split}.parquet", Path(folder)))

    def experiment_names(self) -> dict[str, str]:
        """Return the names of all experiments by id."""
        return {experiment.experiment_id: experiment.name for experiment in self._experiments()}

    def _experiments(self) -> list[Experiment]:
        with self.sentences():
            found: list[Experiment] = []
            token = None
            while True:
                page = self.client.search_experiments(ViewType.ACTIVE_ONLY, max_results=1000, page_token=token)
                found += page
                token = page.token
                if not token:
                    return found


def _schema_problem(version: str) -> str:
    """Return what to do about a database with another schema than this MLflow's: it can upgrade older ones only."""
    migrations = ScriptDirectory(str(Path(mlflow.__file__).parent / "store" / "db_migrations"))
    try:
        migrations.get_revision(version)
    except CommandError:
        return f"it was written by a newer MLflow (schema {version}) than {mlflow.__version__}; update mlflow"
    return f"it was written by an older MLflow (schema {version}); back it up, then run: mlflow db upgrade URI"


def _check_scheme(uri: str) -> None:
    scheme = urlsplit(uri).scheme
    if scheme in ("", "file"):
        raise StoreError(
            f"store {uri}: MLflow no longer keeps runs in folders; use sqlite:///FILE, a database or a server"
        )
    if scheme == "sqlite":
        path = Path(uri.removeprefix("sqlite:///"))
        if not path.parent.is_dir():
            raise StoreError(f"store {uri}: the folder {path.parent} does not exist")
        target = path if path.exists() else path.parent
        if not os.access(target, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
            raise StoreError(f"store {uri}: {target} is not writable")


def _reason(error: Exception) -> str:
    if found := re.search(r"database schema \(found version (\w+)", str(error)):
        return _schema_problem(found[1])
    if isinstance(error, sqlalchemy.exc.SQLAlchemyError) and getattr(error, "orig", None) is not None:
        return str(error.orig).splitlines()[0]  # type: ignore[attr-defined]
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:500]
