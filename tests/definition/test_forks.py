"""Forks and snapshots in definitions: which runs they come to, their keys, and what is refused."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from overthink.definition.errors import DefinitionError
from overthink.definition.experiment import Group
from overthink.definition.loading import experiment_of_run, load_experiment, trunks_of
from overthink.definition.run_definition import RunDefinition, parse_run
from overthink.seeds import Fork, Seeds, seeds_of_labels
from support.small import definition, small

STUDY: dict[str, Any] = {
    "kind": "study",
    "schema_version": 1,
    "name": "small-forks",
    "description": "A tiny study of forks for tests.",
    "base": "small.yaml",
    "repeats": 2,
    "base_points": 2,
    "arms": {"order": ["order"], "later": ["order", "augment"]},
    "fork_at": [0, 1, 2],
}


def group_of(folder: Path, **changes: Any) -> Group:
    definition(folder)
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(STUDY | changes, sort_keys=False))
    (group,) = load_experiment(path).groups
    return group


def by_label(group: Group) -> dict[str, RunDefinition]:
    return {run.seeds.label: run for run in group.runs}


def test_a_trunk_is_an_ordinary_run_and_a_fork_its_own(tmp_path: Path) -> None:
    group = group_of(tmp_path)
    assert [*group.arms][:4] == ["all", "order", "order:1", "order:2"]
    assert [*group.arms][-1] == "later:2@1"
    assert group.arms["all"] == (Seeds.same(0), Seeds.same(1))
    runs = by_label(group)
    assert len(runs) == 2 + 2 * 2 * 3
    base = small(tmp_path).groups[0]
    assert [run.key for run in base.runs] == [runs["0"].key, runs["1"].key]
    assert runs["0"].keep == runs["1"].keep == (1, 2)
    fork = runs["1-fork2-order1001-augment1001"]
    assert fork.keep == ()
    assert fork.trunk is not None
    assert (fork.trunk.key, fork.trunk.keep) == (runs["1"].key, (2,))
    assert runs["split0-init0-order1000-augment0"].seeds.fork is None  # from epoch 0 on it is no fork
    assert len({run.key for run in runs.values()}) == len(runs)
    assert group.definition.key == base.definition.key


def test_what_is_in_a_forks_key(tmp_path: Path) -> None:
    """What its trunk's key holds, the epoch, and its own seeds; not what else is forked or kept."""
    run = by_label(group_of(tmp_path))["0-fork1-order1000"]
    assert run.key == by_label(group_of(tmp_path, fork_at=[1]))["0-fork1-order1000"].key
    others = [
        run.group.with_seeds(Seeds.same(0).forked(at, own))
        for at, own in ((2, {"order": 1000}), (1, {"order": 7}), (1, {"augment": 1000}))
    ]
    longer = run.model_copy(update={"regime": (run.regime[0].model_copy(update={"epochs": 9}),)})
    assert len({run.key, longer.key, *(other.key for other in others)}) == 5
    assert parse_run(run.model_dump_json(), "test") == run


def test_definitions_without_snapshots_and_forks_read_as_before(tmp_path: Path) -> None:
    run = small(tmp_path).groups[0].runs[0]
    assert "keep" not in run.model_dump(mode="json")
    assert run.model_dump(mode="json")["seeds"].keys() == {"split", "init", "order", "augment", "kernel", "repeat"}
    kept = small(tmp_path, keep=[1, 2]).groups[0].runs[0]
    assert (kept.key, kept.keep) == (run.key, (1, 2))
    assert parse_run(kept.model_dump_json(), "test").keep == (1, 2)


@pytest.mark.parametrize("label", ["0-fork10-order7", "split0-init1-order0-augment0-kernel2-fork3-augment1-repeat4"])
def test_labels_of_forks_are_read_again(label: str) -> None:
    (seeds,) = seeds_of_labels(label)
    assert seeds.label == label
    assert seeds.fork is not None


@pytest.mark.parametrize(
    "label", ["0-fork", "0-fork0-order1", "0-fork1-init2", "0-fork1-fork2", "0-fork1-order" + 19 * "9"]
)
def test_what_is_no_fork_is_left_out(label: str) -> None:
    assert seeds_of_labels(label) == ()


def test_a_fork_that_changes_nothing_is_its_trunk_without_its_repeat() -> None:
    trunk = Seeds.same(3)
    assert trunk.forked(2, {"order": 3, "repeat": 1}).without_repeat == trunk
    other = trunk.forked(2, {"order": 4, "repeat": 1})
    assert other.without_repeat == trunk.model_copy(update={"fork": Fork(at=2, order=4)})


def test_a_fork_alone_needs_its_trunk_with_its_snapshot(tmp_path: Path) -> None:
    definition(tmp_path)
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(STUDY, sort_keys=False))
    study = load_experiment(path)
    assert trunks_of(study) == []
    fork = by_label(study.groups[0])["0-fork2-order1000"]
    alone = experiment_of_run(fork.model_dump_json(), "run:ID", "small-forks", "base", "One fork.")
    ((trunk,),) = (group.runs for needed in trunks_of(alone) for group in needed.groups)
    assert fork.trunk is not None
    assert (trunk.key, trunk.keep) == (fork.trunk.key, (2,))


@pytest.mark.parametrize(
    "changes, sentence",
    [
        ({"arms": {"x": ["init"]}}, "arms.x: forks cannot differ in init, which is drawn once before the first epoch"),
        ({"arms": {"x": ["split", "order"]}}, "arms.x: forks cannot differ in split"),
        ({"arms": {"all": ["order"]}}, "arms.all: in a study of forks this arm holds the trunks"),
        ({"fork_at": [1, 3]}, "fork_at: epoch 3 is not before the end of training, which has 3 epochs"),
        ({"fork_at": [2, 1]}, r"fork_at: epochs must ascend, got \[2, 1\]"),
        ({"fork_at": [-1]}, "fork_at.0: input should be greater than or equal to 0, got -1"),
        ({"arms": {}, "sobol": ["order", "augment"]}, "fork_at: a study of forks needs arms, and has no sobol"),
        (
            {"variants": {"short": {"regime.0.epochs": 2, "regime.0.drops": []}}},
            "variants.short: fork_at: epoch 2 is not",
        ),
        ({"keep": [3]}, "keep: epoch 3 is not before the end of training"),
        ({"keep": [0]}, "keep.0: input should be greater than or equal to 1, got 0"),
        ({"keep": [2, 2]}, "keep: epochs must ascend"),
    ],
)
def test_mistakes_are_told_in_a_sentence(tmp_path: Path, changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(DefinitionError, match=sentence):
        group_of(tmp_path, **changes)


def test_snapshots_of_epochs_that_may_never_come_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="keep: training may end before epoch 2, since its last phase has stop_"):
        small(tmp_path, regime=[{"epochs": 3, "stop_after": 1}], keep=[2])


def test_an_experiment_without_arms_has_no_forks(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="fork_at: a study of forks needs arms"):
        small(tmp_path, fork_at=[1])
