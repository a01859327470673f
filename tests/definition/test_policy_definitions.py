"""Definitions of policy networks: what they refer to, and what is refused in a sentence."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from overthink.definition.errors import DefinitionError
from overthink.definition.loading import experiment_of_run, load_experiment, main_networks_of
from overthink.definition.run_definition import parse_run
from overthink.store import tags
from support.policy_file import policy_file
from support.small import SMALL, definition


def test_a_reference_becomes_the_main_networks_definition(tmp_path: Path) -> None:
    loaded = load_experiment(policy_file(tmp_path))
    (group,), (main,) = loaded.groups, load_experiment(tmp_path / "small.yaml").groups
    policy = group.definition.policy
    assert policy is not None
    assert policy.of == main.definition
    assert (policy.of_name, policy.of_variant, policy.labels.weight) == ("small", "base", 50)
    assert group.definition.dataset == main.definition.dataset
    assert (policy.exits, group.definition.n_classes) == ((1, 2, 3), 3)
    assert [run.chooses_for.key for run in group.runs if run.chooses_for] == [r.key for r in main.runs]
    (of,) = main_networks_of(loaded)
    assert [run.key for run in of.groups[0].runs] == [run.key for run in main.runs]
    assert of.experiment.name == "small"


def test_a_reference_may_name_a_variant_that_its_values_make_equal_to_another(tmp_path: Path) -> None:
    of = {"definition": "small.yaml", "variant": "long", "set": {"regime.0.epochs": 3}}
    path = policy_file(tmp_path, policy={"of": of})
    definition(tmp_path, variants={"short": {}, "long": {"regime.0.epochs": 4}})
    policy = load_experiment(path).groups[0].definition.policy
    assert policy is not None
    assert policy.of_variant == "long"


def test_one_main_network_for_all_seeds(tmp_path: Path) -> None:
    loaded = load_experiment(policy_file(tmp_path, policy={"of": "small.yaml", "of_seed": 7}))
    assert {run.chooses_for.seeds.init for run in loaded.groups[0].runs if run.chooses_for} == {7}
    assert [len(of.groups[0].runs) for of in main_networks_of(loaded)] == [1]


def test_a_stored_run_is_enough_to_repeat_it(tmp_path: Path) -> None:
    run = load_experiment(policy_file(tmp_path)).groups[0].runs[0]
    text = json.dumps(run.model_dump(mode="json"))
    assert '"lambda": 50.0' in text
    assert parse_run(text, "stored").key == run.key
    again = experiment_of_run(text, "run:abc", "small-policy", "base", "note")
    assert again.groups[0].runs[0].key == run.key


def test_keys_follow_what_is_learned_and_not_what_it_is_called(tmp_path: Path) -> None:
    key = load_experiment(policy_file(tmp_path)).groups[0].definition.key
    renamed = (tmp_path / "small.yaml").read_text().replace("name: small", "name: other")
    (tmp_path / "small.yaml").write_text(renamed)
    assert load_experiment(tmp_path / "policy.yaml").groups[0].definition.key == key
    assert load_experiment(policy_file(tmp_path), ["policy.labels.lambda=51"]).groups[0].definition.key != key
    longer = yaml.safe_dump(SMALL | {"regime": [{"epochs": 4}]})
    (tmp_path / "small.yaml").write_text(longer)
    assert load_experiment(tmp_path / "policy.yaml").groups[0].definition.key != key


def test_what_departs_from_the_referred_definition_is_part_of_its_name(tmp_path: Path) -> None:
    of = {"definition": "small.yaml", "set": {"network.growth": 4}}
    (main,) = main_networks_of(load_experiment(policy_file(tmp_path, policy={"of": of})))
    assert main.groups[0].label == "base [network.growth=4]"


@pytest.mark.parametrize(
    "changes, sentence",
    [
        ({"policy": {"of": "absent"}}, "absent: no such file or shipped definition"),
        (
            {"policy": {"of": {"definition": "quickstart"}}},
            "policy.of: quickstart has several variants; choose one of short",
        ),
        ({"policy": {"of": {"definition": "quickstart", "variant": "x"}}}, "policy.of: quickstart has no variant 'x'"),
        ({"policy": {"of": {"definition": "small.yaml", "varaint": "x"}}}, "did you mean 'variant'"),
        ({"policy": {"of": "policy.yaml"}}, "policy.yaml is a policy network's; it has no exits"),
        ({"policy": {"of": "small.yaml", "labels": {"exits": [1, 9]}}}, "exits must be at least two of 1 to 3"),
        ({"policy": {"of": "small.yaml", "labels": {"exits": [2]}}}, "exits must be at least two of 1 to 3"),
        (
            {"policy": {"of": "small.yaml", "labels": {"lambda": 0}}},
            "policy.labels.lambda: input should be greater than 0",
        ),
        ({"policy": {"of": "small.yaml", "labels": {"source": "training"}}}, "trained on and has memorised"),
        ({"dataset": {"kind": "cifar-10"}}, "dataset: a policy network uses its main network's, max-min-mnist"),
        ({"network": {"kind": "resnet", "layers": [1] * 6}}, "6 stages after the small stem are too many"),
        ({"regime": [{"epochs": 2, "stop_after": 1}, {"epochs": 1}]}, "only the last phase may end early"),
        ({"reported": [{"metric": "test/policy/acuracy", "value": 0.5, "source": "x"}]}, "unknown metric"),
    ],
)
def test_mistakes_are_told_in_a_sentence(tmp_path: Path, changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(DefinitionError, match=sentence.replace("(", r"\(").replace(")", r"\)")):
        load_experiment(policy_file(tmp_path, **changes))


def test_tags_tell_policy_networks_apart(tmp_path: Path) -> None:
    from overthink.launching.recording.facts import group_tags

    loaded = load_experiment(policy_file(tmp_path))
    told = group_tags(loaded, loaded.groups[0])
    assert (told[tags.TASK], told["overthink.labels"], told["overthink.network"]) == (
        "policy",
        "lambda 50",
        "resnet-4 w4",
    )
    main = load_experiment(tmp_path / "small.yaml")
    assert tags.TASK not in group_tags(main, main.groups[0])


AVERAGED = {"of": "small.yaml", "of_seed": 0, "labels": {"lambda": 50, "averaged_over": [1, 0]}}


def test_labels_averaged_over_trainings_name_the_runs_that_they_need(tmp_path: Path) -> None:
    loaded = load_experiment(policy_file(tmp_path, policy=AVERAGED))
    plain = load_experiment(policy_file(tmp_path, policy={"of": "small.yaml", "of_seed": 0, "labels": {"lambda": 50}}))
    assert loaded.groups[0].definition.key != plain.groups[0].definition.key
    assert "averaged_over" not in json.dumps(plain.groups[0].definition.model_dump(mode="json", exclude_defaults=True))
    trainings = [run.key for run in load_experiment(tmp_path / "small.yaml").groups[0].runs]
    for run in loaded.groups[0].runs:
        assert [of.key for of in run.labelled_by] == trainings
        assert parse_run(json.dumps(run.model_dump(mode="json")), "stored").key == run.key
    (of,) = main_networks_of(loaded)
    assert [run.key for run in of.groups[0].runs] == trainings
    other_order = load_experiment(tmp_path / "policy.yaml", ["policy.labels.averaged_over=[0, 1]"])
    assert other_order.groups[0].definition.key == loaded.groups[0].definition.key
    assert plain.groups[0].runs[0].labelled_by == ()


def test_streams_that_the_main_network_fixes_stay_fixed(tmp_path: Path) -> None:
    """Trainings with one validation split: then all of them held out the same samples."""
    path = policy_file(tmp_path, policy=AVERAGED)
    definition(tmp_path, seeds={"split": 7, "init": [0, 1], "order": [0, 1], "augment": [0, 1]})
    (run, _) = load_experiment(path).groups[0].runs
    assert [of.seeds.label for of in run.labelled_by] == [
        f"split7-init{seed}-order{seed}-augment{seed}" for seed in (0, 1)
    ]


def test_a_training_that_the_main_network_lacks(tmp_path: Path) -> None:
    path = policy_file(tmp_path, policy=AVERAGED | {"labels": {"averaged_over": [0, 2]}})
    said = r"policy.labels.averaged_over: small has no seed 2, but 0 1; policy.of.set: \{seeds: N\} gives it more"
    with pytest.raises(DefinitionError, match=said):
        load_experiment(path)
    of = {"definition": "small.yaml", "set": {"seeds": 3}}
    more = load_experiment(path, [f"policy.of={json.dumps(of)}"])
    assert [one.seeds.label for one in more.groups[0].runs[0].labelled_by] == ["0", "2"]
    for wrong in ("[0, -1]", "[0, x]", "[0, true]", "3", "[0]"):
        with pytest.raises(DefinitionError, match=r"policy\.labels\.averaged_over"):
            load_experiment(path, [f"policy.labels.averaged_over={wrong}"])
