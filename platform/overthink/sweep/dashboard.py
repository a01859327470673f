"""Links between the trials of optuna-dashboard and their runs in MLflow.

optuna-dashboard keeps the note of a trial in attributes of its study, in the form that its function `save_note` writes
(versions 0.20 and 0.21). They are written here directly: where trials are trained, it need not be installed.
"""

from dataclasses import dataclass, field

import optuna
from optuna.storages import RDBStorage
from optuna.study import Study

from overthink.report.notes import with_trial_link
from overthink.report.ui_views import served_at
from overthink.settings import dashboard_url
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.reader import active_run
from overthink.store.stored import StoredRun
from overthink.store.view import run_link
from overthink.store.writer import Writer
from overthink.sweep.ask_tell import RESULT
from overthink.sweep.storage import opened

VERSION, TEXT = "dashboard:{}:note_ver", "dashboard:{}:note_str:0"
OURS = "Run in MLflow: "
"""What our notes begin with; any other note is a person's."""


@dataclass(frozen=True)
class TrialLinks:
    """Writes the links of a study's trials; an address that is not known is left out, so that no link is broken."""

    storage: RDBStorage
    study: Study
    store: Store
    writer: Writer
    ui: str = ""
    """The address of the MLflow UI; by default that of a server."""
    dashboard: str = field(default_factory=dashboard_url)
    """The address of optuna-dashboard."""

    def write(self, number: int, run_id: str) -> None:
        """Write a trial's note, with a link to its run, and into the description of the run a link to the trial."""
        run = active_run(self.store, run_id)
        if run is None:
            return
        self._write_note(number, self._note_of(run))
        if self.dashboard:
            address = f"{self.dashboard}/studies/{self._study_id}/trials?numbers={number}"
            note = with_trial_link(run.note, address)
            if note != run.note:
                self.writer.log(run_id, run_tags={tags.MLFLOW_NOTE: note})

    def write_all(self) -> None:
        """Write those of all trials that have a run."""
        for trial in self.study.get_trials(deepcopy=False):
            result = trial.user_attrs.get(RESULT)
            run_id = str(result.get("run_id", "")) if isinstance(result, dict) else ""
            if run_id.isalnum():
                self.write(trial.number, run_id)

    def _note_of(self, run: StoredRun) -> str:
        base = self.ui or served_at(self.store)
        if not base:
            return f"{OURS}`{run.run_id}`; `overthink ui` shows it."
        return f"{OURS}[{run.run_id[:8]}]({base}/{run_link(run.experiment_id, run.run_id)})"

    def _write_note(self, number: int, text: str) -> None:
        trial_id = self.storage.get_trial_id_from_study_id_trial_number(self._study_id, number)
        version, body = VERSION.format(trial_id), TEXT.format(trial_id)
        known = self.storage.get_study_system_attrs(self._study_id)
        before = known.get(body, "")
        if before == text or (before and not before.startswith(OURS)):
            return
        self.storage.set_study_system_attr(self._study_id, body, text)
        self.storage.set_study_system_attr(self._study_id, version, known.get(version, 0) + 1)

    @property
    def _study_id(self) -> int:
        return self.storage.get_study_id_from_name(self.study.study_name)


def link_all(uri: str, store: Store, writer: Writer, ui: str, dashboard: str) -> None:
    """Write the links of all trials that a storage has. Raises TrialStoreError."""
    with opened(uri) as storage:
        for name in optuna.get_all_study_names(storage):
            study = optuna.load_study(study_name=name, storage=storage)
            TrialLinks(storage, study, store, writer, ui, dashboard).write_all()
