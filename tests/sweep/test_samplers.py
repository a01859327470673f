import json
from typing import Any

import optuna
import pytest
from optuna.study import Study

from overthink.sweep.sampler_spec import SamplerSpec
from overthink.sweep.samplers import sampler_for
from overthink.sweep.space import Choice, FloatRange, IntRange, Parameter, grid_of
from overthink.sweep.study import suggest

SPACE: dict[str, Parameter] = {
    "x": FloatRange(between=(0.01, 1.0), log=True),
    "n": IntRange(between=(1, 20)),
    "c": Choice(choice=("a", "b")),
}
ALL = ("tpe", "gp", "cma-es", "random", "quasi-random")


def loss(x: float, n: int, c: str) -> float:
    return (x - 0.3) ** 2 + 0.05 * abs(n - 7) + 0.1 * (c == "a")


def ask_and_tell(study: Study, spec: SamplerSpec, count: int) -> None:
    """Each trial with a sampler of its own, as a sweep does that is killed after every trial."""
    for _ in range(count):
        trial = study.ask()
        study.sampler = sampler_for(spec, trial.number, SPACE, {})
        point: dict[str, Any] = {name: suggest(trial, name, one) for name, one in SPACE.items()}
        study.tell(trial, loss(**point))


@pytest.mark.parametrize("kind", ALL)
def test_a_seed_gives_the_same_trials_twice_and_another_gives_others(kind: Any) -> None:
    found = []
    for seed in (0, 0, 1):
        study = optuna.create_study()
        ask_and_tell(study, SamplerSpec(kind=kind, seed=seed, startup_trials=4), 12)
        found.append([trial.params for trial in study.trials])
    assert found[0] == found[1] != found[2]
    assert len({json.dumps(point, sort_keys=True) for point in found[0]}) > 6, "a trial has a seed of its own"


@pytest.mark.parametrize("kind", ["tpe", "gp", "cma-es"])
def test_samplers_that_learn_beat_chance(kind: Any) -> None:
    """Over two seeds, the last trials are better than the first, drawn at random."""
    early, late = [], []
    for seed in range(2):
        study = optuna.create_study()
        ask_and_tell(study, SamplerSpec(kind=kind, seed=seed, startup_trials=10), 30)
        values = [trial.value for trial in study.trials if trial.value is not None]
        early += values[:10]
        late += values[-10:]
    assert sum(late) < 0.7 * sum(early)


def test_a_grid_has_each_point_once() -> None:
    space: dict[str, Parameter] = {"n": IntRange(between=(1, 3)), "c": Choice(choice=("a", "b"))}
    points, study = grid_of(space), optuna.create_study()
    for _ in points:
        trial = study.ask()
        study.sampler = sampler_for(SamplerSpec(kind="grid"), trial.number, space, points[trial.number])
        for name, one in space.items():
            suggest(trial, name, one)
        study.tell(trial, 0.0)
    assert [trial.params for trial in study.trials] == points


def test_cma_es_leaves_nothing_in_the_storage_stays_in_the_ranges_and_climbs() -> None:
    study = optuna.create_study(direction="maximize")
    for _ in range(60):
        trial = study.ask()
        study.sampler = sampler_for(SamplerSpec(kind="cma-es", startup_trials=3), trial.number, SPACE, {})
        x, n = trial.suggest_float("x", 0.01, 1.0, log=True), trial.suggest_int("n", 1, 20)
        assert 0.01 <= x <= 1
        assert n in range(1, 21)
        study.tell(trial, x * n)  # the best lies in a corner
    assert all(trial.system_attrs == {} for trial in study.trials)
    values = [trial.value for trial in study.trials if trial.value is not None]
    assert sum(values[-15:]) > 2 * sum(values[:15])
