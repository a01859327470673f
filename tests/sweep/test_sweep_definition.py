"""Sweep files: what is refused, and in which words; what is shipped."""

import json
from pathlib import Path
from typing import Any

import pytest

from overthink.definition.errors import DefinitionError
from overthink.definition.loading import load_experiment
from overthink.definition.yaml_core import parse_yaml
from overthink.sweep.best_definition import as_yaml, best_definition
from overthink.sweep.definition import load_sweep
from overthink.sweep.results import TrialResult
from overthink.sweep.space import corners
from support.small_sweep import SWEEP, sweep_file, tiny_sweep

SHIPPED = sorted((Path(__file__).parents[2] / "sweeps").glob("*.yaml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_sweep_is_whole(path: Path) -> None:
    loaded = load_sweep(path)
    assert loaded.sweep.name == path.stem
    opening = [line for line in path.read_text().splitlines() if line.startswith("#")]
    assert f"overthink sweep {path.stem}" in "\n".join(opening)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_best_of_a_shipped_sweep_is_printed_as_a_definition(path: Path, tmp_path: Path) -> None:
    loaded = load_sweep(path)
    first, *_, last = corners(loaded.sweep.space)
    points = [first, last]
    trials = [
        TrialResult(number, point, "finished", (0.5,), True, "", "", 1.0, "") for number, point in enumerate(points)
    ]
    best = best_definition(loaded, trials)
    text = as_yaml(best, path.name)
    assert parse_yaml(text) == json.loads(json.dumps(best))
    (tmp_path / "best.yaml").write_text(text)
    groups = load_experiment(tmp_path / "best.yaml").groups
    tried = [loaded.at(point, f"trial-{number}").groups[0] for number, point in enumerate(points)]
    assert {group.definition.key for group in groups} == {group.definition.key for group in tried}


def test_the_issues_sweeps_are_there() -> None:
    names = {path.stem for path in SHIPPED}
    assert names >= {"lambda-balance", "lambda-policy", "policy-lr", "regimes", "order-seed", "quickstart-sweep"}


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"objectives": [{"metric": "test/accuracy/last"}]}, "objectives.0.metric: test/accuracy/last is of test data"),
        (
            {"objectives": [{"metric": "val/acuracy/last"}]},
            "unknown metric 'acuracy/last'; did you mean 'accuracy/last'",
        ),
        ({"objectives": [{"metric": "val/accuracy/exit_9"}]}, "the network has 3 exits"),
        ({"objectives": [{"metric": "val/policy/accuracy"}]}, "is not a metric of a multi-exit network"),
        ({"objectives": [{"metric": "labels/balance"}]}, "is not a policy network"),
        ({"objectives": [{"metric": "accuracy"}]}, "must start with"),
        ({"objectives": [{"metric": "val/confusion/mean"}]}, "add direction"),
        ({"objectives": []}, "objectives"),
        (
            {"constraints": [{"metric": "test/accuracy/last", "at_least": 0.5}]},
            "constraints.0.metric: test/accuracy/last",
        ),
        ({"space": {"regime.0.rl": {"float": [0.1, 0.2]}}}, "unknown key 'rl'; did you mean 'lr'"),
        ({"space": {"regime.3.lr": {"float": [0.1, 0.2]}}}, "'3' is not an index of the list, 0 to 0"),
        ({"space": {"regime.0.lr": {"float": [-1, 0.2]}}}, "greater than 0"),
        (
            {"space": {"regime.0.lr": {"float": [0.1, 1]}, "regime": {"choice": {"a": [{"epochs": 1}]}}}},
            r"space.regime: it would replace regime.0.lr, set before it; put it first",
        ),
        ({"space": {"name": {"choice": ["a"]}}}, "a sweep varies parts of a run"),
        ({"space": {"network.growth": {"int": [8, 4]}}}, "a lower and a higher end"),
        ({"space": {}}, "space"),
        ({"sampler": {"kind": "grid"}}, "space.*regime.0.lr: a grid needs a finite number of values|regime.0.lr"),
        ({"sampler": {"kind": "annealing"}}, "sampler.kind"),
        ({"experiment": "nothing"}, "nothing: no such file or shipped definition"),
        ({"tirals": 3}, "unknown key 'tirals'; did you mean 'trials'"),
        (
            {
                "pruner": {"kind": "median"},
                "objectives": [{"metric": "val/accuracy/last"}, {"metric": "val/oracle/accuracy"}],
            },
            "pruning needs a single objective, got 2",
        ),
        (
            {"pruner": {"kind": "median"}, "objectives": [{"metric": "val/overthinking/final"}]},
            "not known after each epoch",
        ),
        ({"pruner": {"kind": "median"}, "space": {"regime.0.epochs": {"int": [1, 3]}}}, r"runs of \[1, 3\] epochs"),
    ],
)
def test_what_is_refused_before_the_first_trial(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    path = sweep_file(tmp_path, **changes)
    with pytest.raises(DefinitionError, match=words) as caught:
        load_sweep(path)
    assert "\n" not in str(caught.value)
    assert "tiny-sweep.yaml" in str(caught.value) or "nothing" in words


def test_a_sweep_is_no_experiment_and_an_experiment_is_no_sweep(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="start it with overthink sweep"):
        load_experiment(sweep_file(tmp_path))
    with pytest.raises(DefinitionError, match="start an experiment with overthink run"):
        load_sweep(tmp_path / "small.yaml")


def test_the_study_is_another_one_where_trials_are_not_comparable(tmp_path: Path) -> None:
    """More trials, or other words, are the same study; another space is another one that measures the same."""
    first = tiny_sweep(tmp_path)
    assert tiny_sweep(tmp_path, trials=99, description="Other words.").study_name == first.study_name
    wider = tiny_sweep(tmp_path, space={**SWEEP["space"], "network.growth": {"choice": [2, 4, 6]}})
    assert wider.study_name != first.study_name
    assert wider.measure == first.measure
    assert tiny_sweep(tmp_path, seeds=2).measure != first.measure
    assert tiny_sweep(tmp_path, {"regime": [{"epochs": 3}]}).measure != first.measure


def test_a_point_becomes_a_definition(tmp_path: Path) -> None:
    group = tiny_sweep(tmp_path, seeds=2).at({"regime.0.lr": 0.05, "network.growth": 4}, "trial-7").groups[0]
    assert (group.definition.regime[0].lr, group.variant, len(group.seeds)) == (0.05, "trial-7", 2)
    assert json.loads(group.definition.model_dump_json())["network"]["growth"] == 4


def test_later_paths_lead_into_what_a_choice_has_put_there(tmp_path: Path) -> None:
    space = {
        "regime": {
            "choice": {"plain": [{"epochs": 1}], "ofa": [{"epochs": 1}, {"epochs": 1, "loss": {"kind": "ofa"}}]}
        },
        "regime.1.loss.alpha": {"float": [0.5, 0.9], "when": {"regime": ["ofa"]}},
    }
    loaded = tiny_sweep(tmp_path, space=space)
    of = loaded.at({"regime": "ofa", "regime.1.loss.alpha": 0.75}, "trial-0").groups[0].definition.regime
    assert of[1].loss.alpha == 0.75  # type: ignore[attr-defined]
    assert len(loaded.at({"regime": "plain"}, "trial-0").groups[0].definition.regime) == 1


def test_streams_of_seeds_can_be_swept(tmp_path: Path) -> None:
    loaded = tiny_sweep(tmp_path, seeds={"split": 0, "init": 0, "augment": 0}, space={"seeds.order": {"int": [0, 5]}})
    (seeds,) = loaded.at({"seeds.order": 4}, "trial-0").groups[0].seeds
    assert (seeds.order, seeds.init) == (4, 0)
