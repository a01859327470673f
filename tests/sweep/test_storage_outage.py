"""A database server that does not answer for a while during a sweep: an update, or a restart of its machine."""

from threading import Timer

import optuna
import pytest

from overthink.sweep import storage as storage_module
from overthink.sweep.storage import TrialStoreError, opened, wait_for_server
from support.postgres import Postgres

pytestmark = pytest.mark.server


def test_a_sweep_waits_for_its_storage(postgres: Postgres) -> None:
    """Connections that were open are dead afterwards, and the first call comes before the server is back."""
    messages: list[str] = []
    with opened(postgres.database("trials")) as storage:
        wait_for_server(storage, messages.append)
        study = optuna.create_study(storage=storage, study_name="s")
        study.ask()
        postgres.stop()
        back = Timer(2, postgres.start)
        back.start()
        trial = study.ask()
        back.join()
        study.tell(trial, 1.0)
        assert [one.number for one in study.trials] == [0, 1]
    assert messages == ["The storage of trials does not answer; waiting up to 300 s for it."]


def test_a_restart_between_two_calls_is_not_noticed(postgres: Postgres) -> None:
    with opened(postgres.database("trials")) as storage:
        study = optuna.create_study(storage=storage, study_name="s")
        postgres.stop()
        postgres.start()
        assert study.ask().number == 0


def test_it_does_not_wait_for_ever(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage_module, "OUTAGE_SECONDS", 1.0)
    uri = postgres.database("trials")

    def ask_while_it_is_away() -> None:
        with opened(uri) as storage:
            wait_for_server(storage, lambda _: None)
            study = optuna.create_study(storage=storage, study_name="s")
            postgres.stop()
            study.ask()

    with pytest.raises(TrialStoreError, match="storage postgresql"):
        ask_while_it_is_away()
    postgres.start()
