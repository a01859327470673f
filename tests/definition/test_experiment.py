import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overthink.definition.errors import DefinitionError
from overthink.definition.keys import part_keys
from overthink.definition.loading import load_experiment
from overthink.definition.run_definition import parse_run
from overthink.definition.source import override
from overthink.networks.msdnet_spec import MSDNetSpec

BASE: dict[str, Any] = {
    "schema_version": 1,
    "name": "small",
    "description": "A small experiment.",
    "dataset": {"kind": "max-min-mnist", "digits": "embedded", "train": 400, "test": 40, "shrink": 2},
    "network": {"kind": "msdnet", "blocks": 3, "channels": 4, "growth": 2},
    "regime": [{"epochs": 2}],
    "seeds": 2,
}


def written(folder: Path, raw: Any) -> Path:
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(raw, sort_keys=False))
    return path


def test_a_definition_resolves_to_groups_and_runs(tmp_path: Path) -> None:
    raw = BASE | {"variants": {"short": {}, "long": {"regime.0.epochs": 4}}}
    loaded = load_experiment(written(tmp_path, raw))
    assert [group.variant for group in loaded.groups] == ["short", "long"]
    assert [group.definition.regime[0].epochs for group in loaded.groups] == [2, 4]
    assert [run.seeds.init for run in loaded.groups[0].runs] == [0, 1]
    keys = {run.key for group in loaded.groups for run in group.runs}
    assert len(keys) == 4


def test_defaults_are_the_thesis(tmp_path: Path) -> None:
    network = load_experiment(written(tmp_path, BASE | {"network": {"kind": "msdnet"}})).groups[0].definition.network
    assert isinstance(network, MSDNetSpec)
    assert (network.blocks, network.scales, network.channels, network.growth) == (5, 3, 16, 6)
    assert (network.growth_factors, network.bottleneck_factors, network.prune) == ((1, 2, 4), (1, 2, 4), "max")


def test_keys_do_not_move(tmp_path: Path) -> None:
    """A store full of finished runs depends on these: what changes them trains everybody's runs anew."""
    (group,) = load_experiment(written(tmp_path, BASE)).groups
    assert group.definition.key == "3a29e0f95d165e03"
    assert group.runs[0].key == "a09c1a3df5c73bce"


def test_a_default_written_out_is_the_same_run(tmp_path: Path) -> None:
    plain = load_experiment(written(tmp_path, BASE)).groups[0]
    spelled = load_experiment(written(tmp_path, BASE), ["network.scales=3", "regime.0.lr=0.1"]).groups[0]
    assert plain.definition.key == spelled.definition.key


def test_what_set_changes_is_part_of_the_label(tmp_path: Path) -> None:
    path = written(tmp_path, BASE | {"variants": {"short": {}, "long": {"regime.0.epochs": 4}}})
    changed = load_experiment(path, ["regime.0.epochs=4", "seeds=3"]).groups
    assert [group.label for group in changed] == ["short [regime.0.epochs=4]"]  # long is the same, and comes second
    assert [group.label for group in load_experiment(path, ["seeds=3"]).groups] == ["short", "long"]
    same = load_experiment(written(tmp_path, BASE), ["regime.0.epochs=2"]).groups
    assert [group.label for group in same] == ["base"]


def test_parts_have_keys_of_their_own(tmp_path: Path) -> None:
    plain = part_keys(load_experiment(written(tmp_path, BASE)).groups[0].definition)
    slower = part_keys(load_experiment(written(tmp_path, BASE), ["regime.0.lr=0.05"]).groups[0].definition)
    assert {part for part in plain if plain[part] != slower[part]} == {"regime"}


def test_name_seeds_and_reported_numbers_are_not_part_of_a_group(tmp_path: Path) -> None:
    plain = load_experiment(written(tmp_path, BASE)).groups[0]
    reported = [{"metric": "test/accuracy/last", "value": 0.5, "source": "a paper"}]
    other = load_experiment(written(tmp_path, BASE | {"name": "other", "seeds": 5, "reported": reported})).groups[0]
    assert plain.definition.key == other.definition.key
    assert other.reported[0].value == 0.5
    changed = load_experiment(written(tmp_path, BASE | {"reported": reported}), ["regime.0.epochs=1"]).groups[0]
    assert changed.reported == ()


def test_merged_variants_are_named(tmp_path: Path) -> None:
    variants = {"short": {}, "long": {"regime.0.epochs": 4}, "wide": {"network.growth": 8}}
    path = written(tmp_path, BASE | {"variants": variants})
    assert load_experiment(path).merged_sentences == ()
    loaded = load_experiment(path, ["regime.0.epochs=3"])
    assert loaded.merged == {"long": "short"}
    (sentence,) = loaded.merged_sentences
    assert sentence == (
        f"{loaded.experiment.name}: variants short, long resolve to one definition; it is trained once, as "
        "short [regime.0.epochs=3]."
    )


def test_settings_win_over_variants_and_equal_groups_are_one(tmp_path: Path) -> None:
    raw = BASE | {"variants": {"short": {}, "long": {"regime.0.epochs": 4}}}
    loaded = load_experiment(written(tmp_path, raw), ["regime.0.epochs=1"])
    assert [(group.variant, group.definition.regime[0].epochs) for group in loaded.groups] == [("short", 1)]


def test_a_stored_run_reads_back_as_itself(tmp_path: Path) -> None:
    run = load_experiment(written(tmp_path, BASE)).groups[0].runs[1]
    again = parse_run(json.dumps(run.model_dump(mode="json")), "store")
    assert again == run
    assert again.key == run.key
    with pytest.raises(DefinitionError, match="store: "):
        parse_run("{}", "store")


@pytest.mark.parametrize(
    "path, value, said",
    [
        ("network.growht", 3, "network.growht: unknown key 'growht'; did you mean 'growth'?"),
        ("regime.0.epoch", 3, "regime.0.epoch: unknown key 'epoch'; did you mean 'epochs'?"),
        ("datset", 3, "unknown key 'datset'; did you mean 'dataset'?"),
        ("network.blocks", 0, "network.blocks: "),
        ("network.growth", -2, "network.growth: "),
        ("network.blocks", "five", "network.blocks: "),
        ("network.blocks", 2.5, "network.blocks: "),
        ("network.step", 10_000, "layers in all, more than 1000"),
        ("network.scales", 9, "9"),
        ("network.kind", "resnet", "network"),
        ("dataset.train", 401, "401"),
        ("dataset.kind", "imagenet", "dataset"),
        ("regime", [], "regime: "),
        ("regime.0.lr", float("nan"), ".nan is not a finite number (line "),
        ("seeds", "1:30", "seeds: expected a whole number or a list or keys and values, got '1:30'; give a range as"),
        ("seeds", "x" * 9000, "seeds: expected a whole number or a list"),
        ("seeds", [*range(999), "x"] * 9, "seeds.999: expected a whole number, got 'x' (and 9 more)"),
        ("dataset", {"kind": "npz", "path": "a/" + "é" * 128, "shape": [1, 8, 8], "classes": 2}, "a name of 256 bytes"),
        ("description", "x" * 9000, "description: "),
        ("reported", [{"metric": "test/accuracy/last", "value": 1, "source": "x" * 9000}], "of which the store keeps"),
        ("keep_logits", "yes", "keep_logits: expected true or false, got 'yes'"),
        ("regime.0.epochs", "1:30", "regime.0.epochs: expected a whole number, got '1:30'"),
        ("name", "x" * 200_000, "name: "),
        ("x" * 9000, 1, "unknown key 'xxx"),
        ("variants", {"x" * 90: {"y" * 3000: 1}}, "which is not part of a run"),
        ("variants", {f"v{n}": 1 for n in range(500)}, "variants.v0: expected keys and values, got 1 (and 499 more)"),
        ("regime.0.drops", [1, 1], "set them, too, such as --set regime.0.drops=["),
        ("regime.0.loss", {"kind": "joint", "weights": [1.0]}, "1 numbers, but the network has 3 exits"),
        (
            "regime.0.loss",
            {"kind": "ofa"},
            "regime.0.loss.teacher: previous is the network as it was at the end",
        ),
        (
            "regime.0.loss",
            {"kind": "ofa", "alpah": 0.9},
            "regime.0.loss.alpah: unknown key 'alpah'; did you mean 'alpha'?",
        ),
        ("regime.0.freeze", "features", "regime.0.freeze: features cannot be frozen in the first phase"),
        ("regime.0.attach", {"kind": "isc", "conection": "linear"}, "did you mean 'connection'?"),
        (
            "regime",
            [{"epochs": 1, "attach": {"kind": "isc"}} for _ in "ab"],
            "regime.1.attach: an earlier phase has attached",
        ),
        ("seeds", 0, "seeds: "),
        ("seeds", {"split": 0, "int": 1}, "unknown key 'int'; did you mean 'init'?"),
        ("validation", 1.0, "validation: "),
        ("threads", 0, "threads: "),
        ("schema_version", 2, "schema_version: "),
        ("schema_version", True, "schema_version: expected a whole number, got True"),
        ("schema_version", 1.0, "schema_version: expected a whole number, got 1.0"),
        (
            "dataset",
            {"kind": "max-min-mnist", "shrink": True},
            "dataset.shrink: expected a whole number, got True",
        ),
        ("name", "../etc", "name: "),
        ("variants", {"a": {"seeds": 3}}, "variants.a.seeds: "),
        ("variants", {"a": {"network.growht": 3}}, "variants.a: network.growht: unknown key"),
        ("variants", {"a": {"regime.0.lr": 1, "regime": []}}, "variants.a.regime: it would replace regime.0.lr"),
        ("variants", {"a": {"regime.7.epochs": 3}}, "'7' is not an index of the list, 0 to 0"),
        ("reported", [{"metric": "test/acuracy/last", "value": 1, "source": "x"}], "accuracy/last"),
        ("reported", [{"metric": "accuracy/last", "value": 1, "source": "x"}], "starts with val/ or test/"),
        ("reported", [{"metric": "test/accuracy/last", "value": 1, "source": "x", "variant": "no"}], "no variant 'no'"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(tmp_path: Path, path: str, value: Any, said: str) -> None:
    file = written(tmp_path, override(BASE, path, value, "test"))
    with pytest.raises(DefinitionError) as raised:
        load_experiment(file)
    sentence = str(raised.value)
    assert sentence.startswith(str(file))
    assert said in sentence
    assert "\n" not in sentence
    assert len(sentence) <= 500


@pytest.mark.parametrize("key", ["dataset", "network", "regime", "seeds", "name", "schema_version", "description"])
def test_a_missing_key_is_named(tmp_path: Path, key: str) -> None:
    with pytest.raises(DefinitionError, match=f"{key}: this key is required"):
        load_experiment(written(tmp_path, {name: value for name, value in BASE.items() if name != key}))


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
paths = st.sampled_from(
    "dataset dataset.kind dataset.size dataset.shrink network network.scales network.blocks network.growth_factors "
    "network.reduction regime regime.0 regime.0.epochs regime.0.loss regime.0.drops seeds seeds.init validation "
    "threads variants variants.a reported name".split()
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.dictionaries(paths, values, min_size=1, max_size=3))
def test_a_broken_definition_is_one_sentence_or_a_good_one(tmp_path: Path, changes: dict[str, Any]) -> None:
    """Whatever stands in a definition: it loads, or a DefinitionError says why; nothing else is ever raised."""
    try:
        raw = BASE
        for path, value in changes.items():
            raw = override(raw, path, value, "test")
        loaded = load_experiment(written(tmp_path, raw))
        assert loaded.groups
    except DefinitionError as error:
        if "\n" in str(error):
            raise AssertionError(f"more than one sentence: {error}") from error


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(noise=st.binary(max_size=200))
def test_noise_is_no_definition(tmp_path: Path, noise: bytes) -> None:
    path = tmp_path / "noise.yaml"
    path.write_bytes(noise)
    with pytest.raises(DefinitionError, match=r"noise\.yaml"):
        load_experiment(path)


def test_values_set_on_the_command_line_fit_into_the_store(tmp_path: Path) -> None:
    phases = ", ".join(["{epochs: 1}"] * 900)
    with pytest.raises(DefinitionError, match=r"--set: .* characters, of which the store keeps 8000"):
        load_experiment(written(tmp_path, BASE), [f"regime=[{phases}]"])
