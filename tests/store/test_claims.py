"""Of several processes that want the same run, one gets it, in whatever order their requests arrive."""

import itertools
import random
import threading
import time
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from mlflow.exceptions import MlflowException

from overthink.launching.sync import mark_abandoned_as_interrupted
from overthink.store import claims as module
from overthink.store.claims import PREFIX, Claims, remove_abandoned
from overthink.store.client import Store
from overthink.store.errors import StoreError
from overthink.store.writer import Writer
from support.machines import machine

KEYS = ["a", "b", "c"]


def left(store: Store) -> list[tuple[str, str]]:
    return store.experiment_tags(PREFIX)


@pytest.fixture
def experiment(store: Store) -> str:
    return store.experiment("e", "A note.")


def test_a_second_process_gets_what_the_first_has_left(store: Store, experiment: str, tmp_path: Path) -> None:
    first, second = Claims(store), Claims(store)
    assert first.claim(experiment, KEYS[:2]) == {"a", "b"}
    assert second.claim(store.experiment("another of the same runs", "A note."), KEYS) == {"c"}
    assert second.claim(experiment, ["a"]) == set()
    first.release("a")
    assert second.claim(experiment, ["a", "b"]) == {"a"}
    first.heartbeat()
    assert second.claim(experiment, ["b"]) == set()
    first.close()
    assert second.claim(experiment, ["b"]) == {"b"}
    second.close()
    assert left(store) == []


def test_a_claim_of_a_process_that_is_gone_counts_no_longer(store: Store, experiment: str, tmp_path: Path) -> None:
    with machine("A", tmp_path):
        assert Claims(store).claim(experiment, ["a"]) == {"a"}
    with machine("B", tmp_path):
        assert Claims(store).claim(experiment, ["a"]) == set()  # it may be alive
    with machine("B", tmp_path, clock=3600):
        assert Claims(store).claim(experiment, ["a"]) == {"a"}


def test_a_claim_of_a_process_of_this_machine_counts_whatever_the_clock(
    store: Store, experiment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, now = Claims(store), time.time
    first.claim(experiment, ["a"])
    for clock in (-86400, 86400):
        monkeypatch.setattr("time.time", lambda clock=clock: now() + clock)
        assert Claims(store).claim(experiment, ["a"]) == set()
        remove_abandoned(store)
    assert len(left(store)) == 1


def test_claims_of_processes_that_are_gone_are_removed(store: Store, experiment: str, tmp_path: Path) -> None:
    with machine("A", tmp_path):
        Claims(store).claim(experiment, ["a"])
    alive = Claims(store)
    assert alive.claim(experiment, ["b"]) == {"b"}
    mark_abandoned_as_interrupted(store, Writer(store))
    assert len(left(store)) == 2  # the process of another machine may be alive
    with machine("A", tmp_path), pytest.MonkeyPatch.context() as patch:
        patch.setattr("overthink.store.liveness._is_alive", lambda _: False)  # killed
        mark_abandoned_as_interrupted(store, Writer(store))
    ((_, text),) = left(store)
    assert '"b"' in text


def test_a_claim_that_cannot_be_removed_now_is_removed_later(store: Store, experiment: str) -> None:
    claims = Claims(store)
    claims.claim(experiment, ["a"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store.client, "delete_experiment_tag", raising(MlflowException("API request failed")))
        with pytest.raises(StoreError, match="API request"):
            claims.release("a")
    assert len(left(store)) == 1
    claims.heartbeat()
    assert left(store) == []


def raising(error: Exception) -> Callable[..., None]:
    def fail(*_: object) -> None:
        raise error

    return fail


@pytest.mark.parametrize("text", ["", "[", "[" * 5000, "{}", '{"keys": 1}', '{"keys": [1, "a"]}', "null"])
def test_a_claim_that_nobody_has_made_is_no_claim(store: Store, experiment: str, text: str) -> None:
    store.client.set_experiment_tag(experiment, f"{PREFIX}0", text or " ")
    assert Claims(store).claim(experiment, KEYS) == set(KEYS)


def test_many_runs_take_several_tags(store: Store, experiment: str) -> None:
    keys = [f"{number:016x}" for number in range(250)]
    assert Claims(store).claim(experiment, keys) == set(keys)
    assert len(left(store)) == 3


def contest(seed: int, processes: int, keys: list[str]) -> list[set[str]]:
    """Let processes claim runs at once, with their requests interleaved at random; return what each got."""
    luck, tags_there = random.Random(seed), dict[str, str]()
    generators = [_claiming(number, tags_there, keys) for number in range(processes)]
    got: list[set[str]] = [set() for _ in generators]
    left_over = dict(enumerate(generators))
    while left_over:
        number = luck.choice([*left_over])
        try:
            next(left_over[number])
        except StopIteration as end:
            got[number] = end.value
            del left_over[number]
    return got


def _claiming(number: int, tags_there: dict[str, str], keys: list[str]) -> Generator[None, None, set[str]]:
    """Claim in a thread that goes one request further each time."""
    go, done = threading.Semaphore(0), threading.Semaphore(0)
    result: list[set[str]] = []

    class Requests:
        def tag_experiment(self, _: str, key: str, value: str | None) -> None:
            go.acquire()
            tags_there.pop(key, None) if value is None else tags_there.update({key: value})
            done.release()

        def experiment_tags(self, prefix: str) -> list[tuple[str, str]]:
            go.acquire()
            found = [(key.removeprefix(prefix), value) for key, value in tags_there.items()]
            done.release()
            return found

    def claim() -> None:
        result.append(Claims(Requests()).claim("e", keys))  # type: ignore[arg-type]
        done.release()

    thread = threading.Thread(target=claim, daemon=True)
    thread.start()
    while not result:
        yield
        go.release()
        done.acquire()
    thread.join()
    return result[0]


@pytest.mark.parametrize("processes", [2, 3, 5])
def test_at_most_one_process_gets_a_run_and_one_does(monkeypatch: pytest.MonkeyPatch, processes: int) -> None:
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0.0)
    for seed in range(150):
        got = contest(seed, processes, KEYS)
        assert sorted(itertools.chain(*got)) == KEYS, (seed, got)


def test_the_claim_on_an_experiment_that_was_deleted_stops_no_other_heartbeat(store: Store, experiment: str) -> None:
    other, claims = store.experiment("other", "A note."), Claims(store)
    claims.claim(experiment, ["a"])
    claims.claim(other, ["b"])
    before = dict(left(store))
    store.client.delete_experiment(experiment)
    later = time.time() + 60
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time", lambda: later)
        claims.heartbeat()
    ((name, text),) = left(store)
    assert text != before[name]
