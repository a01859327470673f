"""Studies: a base, arms, and the runs that they come to."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from overthink.definition.errors import DefinitionError
from overthink.definition.loading import load_experiment
from support.small import definition

STUDY: dict[str, Any] = {
    "kind": "study",
    "schema_version": 1,
    "name": "small-study",
    "description": "A tiny study for tests.",
    "base": "small.yaml",
    "repeats": 3,
    "arms": {"all": ["split", "init", "order", "augment"], "init": ["init"], "none": ["repeat"]},
}


def study_file(folder: Path, **changes: Any) -> Path:
    """Write the small study beside the small definition that is its base."""
    definition(folder)
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(STUDY | changes, sort_keys=False))
    return path


def test_a_study_is_its_bases_group_with_the_runs_of_all_arms(tmp_path: Path) -> None:
    (group,) = load_experiment(study_file(tmp_path)).groups
    (base,) = load_experiment(tmp_path / "small.yaml").groups
    assert group.definition.key == base.definition.key
    assert len({run.key for run in group.runs}) == len(group.runs) == 1 + 3 * 2
    assert {run.key for run in base.runs} <= {run.key for run in group.runs}  # seeds 0 and 1 are shared
    assert list(group.arms) == ["all", "init", "none"]


def test_more_repeats_add_runs_and_change_none(tmp_path: Path) -> None:
    few, many = (load_experiment(study_file(tmp_path), settings).groups[0] for settings in ([], ["repeats=5"]))
    assert {run.key for run in few.runs} < {run.key for run in many.runs}
    assert len(many.runs) == 1 + 3 * 4


def test_conditions_are_variants(tmp_path: Path) -> None:
    variants = {"plain": {}, "longer": {"regime.0.epochs": 4}}
    groups = load_experiment(study_file(tmp_path, variants=variants)).groups
    assert [(group.variant, group.definition.regime[0].epochs) for group in groups] == [("plain", 3), ("longer", 4)]
    assert all(len(group.runs) == 7 for group in groups)


@pytest.mark.parametrize(
    "changes, sentence",
    [
        ({"base": "absent"}, "absent: no such file or shipped definition"),
        ({"base": {"definition": "quickstart"}}, "base: quickstart has several variants"),
        ({"arms": {"init": ["weights"]}}, "arms.init.0"),
        ({"arms": {"init": []}}, "arms.init"),
        ({"repeats": 1}, "repeats"),
        ({"arms": {}}, r"a study needs both arms \(or sobol\) and repeats"),
        ({"base_points": 0}, "base_points: input should be greater than or equal to 1, got 0"),
        ({"sobol": ["init"]}, "sobol: expected two different sources or more, and not `repeat`, got init"),
        ({"sobol": ["init", "init"]}, "sobol: expected two different sources or more"),
        ({"sobol": ["init", "repeat"]}, "sobol: expected two different sources or more"),
        ({"sobol": ["init", "order"]}, "arms.all: sobol adds an arm of this name that varies init, order"),
    ],
)
def test_mistakes_are_told_in_a_sentence(tmp_path: Path, changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(DefinitionError, match=sentence):
        load_experiment(study_file(tmp_path, **changes))


def test_a_study_takes_its_seeds_from_its_arms(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="the arms of a study set its seeds"):
        load_experiment(study_file(tmp_path), seeds=(1, 2))


def test_base_points_multiply_the_blocks_of_arms_and_share_their_runs(tmp_path: Path) -> None:
    """At each of 4 base points 2 further repeats of `init`; the control is repeated at the first alone."""
    (group,) = load_experiment(study_file(tmp_path, base_points=4)).groups
    assert list(group.arms) == ["all", "init", "none", "init@1", "init@2", "init@3"]
    assert len({run.key for run in group.runs}) == len(group.runs) == 4 + 4 * 2 + 2


def test_a_sobol_design_adds_its_arms(tmp_path: Path) -> None:
    changes = {"sobol": ["init", "order", "augment"], "arms": {"none": ["repeat"]}, "repeats": 2}
    (group,) = load_experiment(study_file(tmp_path, **changes)).groups
    alone, but_one = ["init", "order", "augment"], ["all-but-init", "all-but-order", "all-but-augment"]
    assert list(group.arms) == ["all", *alone, *but_one, "none"]
    assert len(group.runs) == 1 + 1 + 6 + 1
    assert {seeds.split for seeds in group.seeds} == {0}


def test_base_points_are_a_studys(tmp_path: Path) -> None:
    definition(tmp_path)
    with pytest.raises(DefinitionError, match="base_points: 3 for an experiment that is no study"):
        load_experiment(tmp_path / "small.yaml", ["base_points=3"])


@pytest.mark.parametrize(
    "base, reference",
    [("study.yaml", "study.yaml"), ("small.yaml", "study.yaml"), ("other.yaml", "other.yaml")],
)
def test_a_definition_that_refers_to_itself(tmp_path: Path, base: str, reference: str) -> None:
    """At once, by way of the policy network that is its base, and by way of a variant of its base."""
    path = study_file(tmp_path, base=base)
    definition(tmp_path, policy={"of": reference})
    definition(tmp_path, variants={"a": {"policy": {"of": reference}}}).rename(tmp_path / "other.yaml")
    definition(tmp_path, policy={"of": reference})
    with pytest.raises(DefinitionError, match="refers to itself, directly or through others"):
        load_experiment(path)
