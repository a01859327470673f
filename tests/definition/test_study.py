"""Studies: a base, arms, and the runs that they come to."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from overthink.definition.errors import DefinitionError
from overthink.definition.loading import load_experiment
from overthink.seeds import STREAMS, Seeds, seeds_of_arms
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


def test_repeats_differ_in_their_arms_sources_alone() -> None:
    arms = seeds_of_arms({"all": STREAMS, "order": ("order",), "none": ("repeat",)}, 3)
    still = Seeds(split=0, init=0, order=0, augment=0)
    assert [seeds.label for seeds in arms["all"]] == ["0", "1", "2"]
    assert [seeds.label for seeds in arms["order"]] == [
        "0",
        "split0-init0-order1-augment0",
        "split0-init0-order2-augment0",
    ]
    assert [seeds.label for seeds in arms["none"]] == ["0", "0-repeat1", "0-repeat2"]
    assert all(arm[0] == still for arm in arms.values())


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
        ({"arms": {}}, "a study needs both arms and repeats"),
    ],
)
def test_mistakes_are_told_in_a_sentence(tmp_path: Path, changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(DefinitionError, match=sentence):
        load_experiment(study_file(tmp_path, **changes))


def test_a_study_takes_its_seeds_from_its_arms(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="the arms of a study set its seeds"):
        load_experiment(study_file(tmp_path), seeds=(1, 2))


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
