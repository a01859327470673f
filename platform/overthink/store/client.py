"""The MLflow store: its experiments, and the artifacts of its runs."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import sqlalchemy.exc
from mlflow.entities import Experiment, ExperimentTag
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repo import ArtifactRepository
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

from overthink.store import tags
from overthink.store.artifact_files import check_artifact, is_there
from overthink.store.artifacts import beside, is_the_databases, is_the_servers
from overthink.store.connection import ERRORS
from overthink.store.database import artifact_root
from overthink.store.errors import PlaceError, StoreError, missing
from overthink.store.problems import reason
from overthink.store.searching import Searching
from overthink.store.unreadable import UnfetchedError, UnreadableRunError, reading
from overthink.store.uri import (
    concealed,
    engine_uri,
    is_server,
    without_password,
)
from overthink.store.view import TAG_PREFIX
from overthink.untrusted import name_of

MADE_BY_SERVER = "0"
"""Id of the experiment "Default", which no account has made."""
ABSENT = "RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"
"""What MLflow says where a tag is not there, or its experiment was deleted."""


@contextmanager
def of_any_library(store: str) -> Iterator[None]:
    """Turn what the library of a place of artifacts raises, which has errors of its own, into a StoreError."""
    try:
        yield
    except (StoreError, UnreadableRunError, OSError, ValueError, *ERRORS):
        raise
    except Exception as error:  # boto's and others' are of no common class
        raise StoreError(f"store {store}: {name_of(reason(error), 300)}") from error


class Store(Searching):
    """A tracking store by its URI: MLFLOW_TRACKING_URI, else `mlflow.db` in the working directory."""

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
            self.check_place(f"experiment {name!r}", found.artifact_location)
            not_edited = found.tags.get(tags.MLFLOW_NOTE) == found.tags.get(tags.NOTE)
            if not_edited and found.tags.get(tags.NOTE) != note:
                self._tag(found.experiment_id, notes)
            return str(found.experiment_id)

    def _created(self, name: str, experiment_tags: dict[str, str]) -> Experiment:
        try:
            return self.client.get_experiment(self._create(name, experiment_tags))
        except MlflowException as error:
            made_meanwhile = self.client.get_experiment_by_name(name)
            if error.error_code != "RESOURCE_ALREADY_EXISTS" or made_meanwhile is None:
                raise
            return made_meanwhile

    def _create(self, name: str, experiment_tags: dict[str, str]) -> str:
        if self._database is None:
            return str(self.client.create_experiment(name, tags=experiment_tags))
        # A client would take `mlruns` of the working directory, and not encode a % in its path.
        beside_database = SqlAlchemyStore(engine_uri(self.uri), artifact_root(self._database))
        entities = [ExperimentTag(key, value) for key, value in experiment_tags.items()]
        return str(beside_database.create_experiment(name, tags=entities))

    def check_places(self, names: Iterable[str]) -> None:
        """Raise StoreError where a server has artifacts of experiments lie in a place that is not its own."""
        with self.sentences():
            for name in names if is_server(self.uri) else ():
                if found := self.client.get_experiment_by_name(name):
                    self.check_place(f"experiment {name!r}", found.artifact_location)

    def check_place(self, of: str, location: str) -> None:
        """Raise PlaceError where something, `of`, lies where the store does not keep artifacts."""
        location = location or "none:"  # an edited database has none
        is_own = is_the_servers if is_server(self.uri) else is_the_databases
        if not is_own(location, self.uri, self._default_place):
            raise PlaceError(
                f"store {self.shown}: {of} has its artifacts in {name_of(without_password(location), 200)}, which is "
                "not where this store keeps artifacts; nothing was read from there or written to it"
            )

    def _default_place(self) -> str | None:
        try:
            return str(self.client.get_experiment(MADE_BY_SERVER).artifact_location)
        except MlflowException:
            return None

    def repository(self, run_id: str) -> ArtifactRepository:
        """Return what holds the artifacts of a run; raises StoreError where that is no place of the store."""
        if run_id not in self._repositories:
            uri = self.client.get_run(run_id).info.artifact_uri
            self.check_place(f"run {run_id[:8]}", uri)
            place = uri if self._database is None else beside(self._database, uri)
            self._repositories[run_id] = get_artifact_repository(place, tracking_uri=self.uri)
        return self._repositories[run_id]

    def _repository_to_read(self, run_id: str) -> ArtifactRepository:
        """Return what holds the artifacts of a run; raises UnreadableRunError where that is no place of the store."""
        try:
            return self.repository(run_id)
        except PlaceError as error:  # of this run alone: all others are read
            raise UnreadableRunError(str(error)) from error

    def artifact_folder(self, run_id: str) -> Path | None:
        """Return the folder of a run's artifacts, where it is on this machine."""
        with self.sentences():
            repository = self._repository_to_read(run_id)
        return Path(repository.artifact_dir) if isinstance(repository, LocalArtifactRepository) else None

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
            try:
                self.client.delete_experiment_tag(experiment_id, key)
            except MlflowException as error:
                if error.error_code not in ABSENT:
                    raise

    def remove_experiment_tags(self, prefix: str, is_unwanted: Callable[[str], bool]) -> None:
        """Remove tags of experiments by the beginning of their names, and their values, as far as this account may."""
        for experiment in self.experiments():
            for key in [key for key, value in experiment.tags.items() if key.startswith(prefix) and is_unwanted(value)]:
                try:
                    self.tag_experiment(experiment.experiment_id, key, None)
                except StoreError:
                    self.ping()

    def view_of(self, experiment_id: str) -> str | None:
        """Return the key of the view that an experiment opens with."""
        with self.sentences():
            keys = self.client.get_experiment(experiment_id).tags.get(tags.VIEWS, "").split()
        return keys[0] if keys else None

    def artifact(self, run_id: str, name: str, folder: Path) -> Path:
        """Fetch an artifact of a run into a folder of its own; return the local file, which is not to be trusted.

        Raises MissingArtifactError where there is none, UnreadableRunError where it is no file, or too large,
        UnfetchedError where it is there, or may be.
        """
        if not run_id.isalnum():
            raise UnreadableRunError(f"store {self.shown}: {name_of(run_id)!r} is not a run id")
        target = folder / run_id
        target.mkdir(parents=True, exist_ok=True)
        with reading(run_id, name), self.sentences():
            repository = self._repository_to_read(run_id)
        with reading(run_id, name), suppress(*ERRORS, StoreError), of_any_library(self.shown):
            check_artifact(repository, name)  # where it cannot be listed, fetching it shows why
        try:
            with self.sentences(), of_any_library(self.shown):
                return Path(repository.download_artifacts(name, str(target)))
        except StoreError as error:
            self.ping()  # where the store is unreachable, that is why
            is_absent = False
            with suppress(*ERRORS, StoreError), of_any_library(self.shown):  # it may be there, where nothing is listed
                is_absent = not is_there(repository, name)
            if is_absent:
                raise missing(self.shown, run_id, name) from error
            said = (str(error.__cause__).strip() or str(error)).splitlines()[-1]  # MLflow begins with what it was doing
            why = name_of(concealed(said, self.uri), 300)
            raise UnfetchedError(f"run {run_id[:8]}: {name}: it cannot be fetched ({why}); try again later") from error
