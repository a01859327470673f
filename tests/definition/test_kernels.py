"""The kernels of a definition: in its key, and written out or left to the launch."""

import json
from pathlib import Path
from typing import Any

import yaml

from overthink.definition.keys import part_keys, summary
from overthink.definition.loading import experiment_of_run, load_experiment
from overthink.definition.run_definition import GroupDefinition, parse_run
from support.policy_file import policy_file
from support.small import definition, small

KEYS = {"group": "ba4d862bb9c896c0", "run": "2782bc4528ee0bf6"}
"""Of the small definition, as versions without a choice of kernels had them."""


def of_small(folder: Path, **changes: Any) -> GroupDefinition:
    return small(folder, **changes).groups[0].definition


def test_the_default_leaves_every_key_as_it_was(tmp_path: Path) -> None:
    loaded = small(tmp_path)
    assert {"group": loaded.groups[0].definition.key, "run": loaded.groups[0].runs[0].key} == KEYS
    assert of_small(tmp_path, kernels="torch").key == KEYS["group"]


def test_native_kernels_have_keys_of_their_own_at_any_number_of_threads(tmp_path: Path) -> None:
    plain, native = of_small(tmp_path), of_small(tmp_path, kernels="native")
    assert plain.key != native.key
    assert native.key == plain.by("native").key == of_small(tmp_path, threads=2).by("native").key
    assert plain.key != of_small(tmp_path, threads=2).key
    assert part_keys(plain) == part_keys(native)
    assert (summary(plain)["kernels"], summary(native)["kernels"]) == ("torch", "native")


def test_a_policy_networks_key_holds_its_main_networks_kernels(tmp_path: Path) -> None:
    one = load_experiment(policy_file(tmp_path)).groups[0].definition
    definitions = one.by_either_kernels
    assert [(d.policy.of.kernels, d.kernels) for d in definitions if d.policy] == [
        ("torch", "torch"),
        ("torch", "native"),
        ("native", "torch"),
        ("native", "native"),
    ]
    assert len({d.key for d in definitions}) == 4
    assert definitions[0].key == one.key


def test_a_launch_may_choose_kernels_that_are_not_written_out(tmp_path: Path) -> None:
    assert [one.kernels for one in of_small(tmp_path).by_either_kernels] == ["torch", "native"]
    for kernels in ("torch", "native"):
        assert [one.kernels for one in of_small(tmp_path, kernels=kernels).by_either_kernels] == [kernels]


def test_kernels_stay_written_out_in_what_refers_to_a_definition(tmp_path: Path) -> None:
    for kernels in ("torch", "native"):
        of = {"definition": "small.yaml", "set": {"kernels": kernels}}
        policy = load_experiment(policy_file(tmp_path, policy={"of": of})).groups[0].definition.policy
        assert policy is not None
        assert policy.of.has_kernels
        assert policy.of.kernels == kernels
        study = {"schema_version": 1, "kind": "study", "name": "s", "description": "A study.", "base": of}
        definition(tmp_path)
        path = tmp_path / "study.yaml"
        path.write_text(yaml.safe_dump(study | {"arms": {"all": ["init"]}, "repeats": 2}))
        assert [one.kernels for one in load_experiment(path).groups[0].definition.by_either_kernels] == [kernels]
        study["base"] = {"definition": "policy.yaml"}
        path.write_text(yaml.safe_dump(study | {"arms": {"all": ["init"]}, "repeats": 2}))
        base = load_experiment(path).groups[0].definition
        assert base.policy is not None
        assert [one.kernels for one in base.policy.of.by_either_kernels] == [kernels]


def test_a_stored_run_has_its_kernels_written_out(tmp_path: Path) -> None:
    run = load_experiment(policy_file(tmp_path)).groups[0].runs[0]
    plain = run.model_dump(mode="json")
    del plain["kernels"]  # as versions without a choice of kernels stored it
    assert "kernels" not in plain["policy"]["of"]
    text = json.dumps(plain)
    assert parse_run(text, "stored").key == run.key
    (group,) = experiment_of_run(text, "run:ID", "small-policy", "base", "A run.").groups
    (only,) = group.definition.by_either_kernels
    assert only.with_seeds(run.seeds).key == run.key
