"""A store's tags become typed fields; whatever somebody wrote into a tag, a listing goes on."""

import json
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overthink.seeds import Seeds
from overthink.store import tags
from overthink.store.changes import as_setting, changes_from_text, changes_text
from overthink.store.liveness import NO_PROCESS
from overthink.store.raw_run import RawRun
from overthink.store.stored import StoredRun
from support.stored_runs import raw

ODD = [
    "",
    "{",
    "[1]",
    "null",
    "3",
    "NaN",
    '"x"',
    '{"a": 1}',
    '[{"metric": 1}]',
    "[" * 5000,
    "\x1b[31m",
    "9" * 6000,
    "²",
]
EVERY = [
    value
    for name, value in vars(tags).items()
    if isinstance(value, str) and value.startswith("overthink.") and name.isupper()
]


def parsed(**more: str) -> StoredRun:
    return raw("0", more={f"overthink.{name}": value for name, value in more.items()}).parsed()


@pytest.mark.parametrize("text", ODD)
def test_a_tag_that_somebody_else_wrote_does_not_end_a_listing(text: str) -> None:
    run = RawRun("id", "1", "odd", "RUNNING", 0, None, dict.fromkeys([*EVERY, "overthink.labels"], text)).parsed()
    assert (run.kind, run.seeds[1:], run.arms, run.reported) == ("", (), {}, {})
    assert isinstance(run.group_label + run.seeds_label + run.outcome, str)
    assert all(isinstance(path, str) for path in run.changes)


def test_a_number_that_no_float_holds_is_named() -> None:
    large = "1" + 400 * "0"
    number = f'[{{"metric": "m", "value": {large}, "source": "s", "approximate": false}}]'
    score = f'{{"objectives": [{{"metric": "m", "goal": "max", "value": {large}}}], "keeps_bounds": true}}'
    run = RawRun("id", "1", "odd", "RUNNING", 0, None, {tags.REPORTED: number, tags.SCORE: score}, {"m": int(large)})
    assert (run.parsed().reported, run.parsed().score, run.parsed().metrics) == ({}, None, {})
    form = "it has another form than overthink writes"
    assert {f"tag {tags.REPORTED}: {form}", f"tag {tags.SCORE}: {form}"} < {*run.parsed().problems}


def test_a_run_without_tags_has_empty_fields() -> None:
    run = RawRun("id", "1", "bare", "FINISHED", 0, 1).parsed()
    assert (run.kind, run.seeds, run.labels, run.parent, run.main, run.trial) == ("", (), None, None, None, None)
    assert run.process == NO_PROCESS
    assert not run.is_policy


def test_fields_are_typed() -> None:
    run = parsed(
        arms=json.dumps({"none": "0 0-repeat1"}),
        trial="12",
        main_run="m",
        main_key="k",
        policy_runs="a b",
        process="7@1",
        score='{"objectives": [{"metric": "val/loss", "goal": "minimize", "value": 0.5}], "keeps_bounds": true}',
    )
    assert run.score == ((("val/loss", "minimize", 0.5),), True)
    assert run.arms == {
        "none": (Seeds(split=0, init=0, order=0, augment=0), Seeds(split=0, init=0, order=0, augment=0, repeat=1))
    }
    assert (run.trial, run.main, run.policy_run_ids, run.process.process) == (12, ("m", "k"), ("a", "b"), "7@1")


def test_what_a_network_is_reads_as_metrics_from_tags_and_from_metrics_of_earlier_versions() -> None:
    tagged = parsed(mul_adds="12 34.5", parameters="1000 2000")
    assert {name: value for name, value in tagged.metrics.items() if name.startswith("network/")} == {
        "network/mul_adds/exit_1": 12,
        "network/mul_adds/exit_2": 34.5,
        "network/parameters/exit_1": 1000,
        "network/parameters/exit_2": 2000,
    }
    old = replace(raw("0"), metrics={"network/mul_adds/exit_1": 7.0}).parsed()
    assert old.metrics == {"network/mul_adds/exit_1": 7.0}


@pytest.mark.parametrize("text", ["12 many", "nan 3", "1e300"])
def test_sizes_of_a_network_that_are_no_numbers_are_left_out_and_named(text: str) -> None:
    run = parsed(parameters=text)
    assert "network/parameters/exit_1" not in run.metrics
    assert run.problems


def test_labels_of_earlier_versions_have_the_key_that_new_ones_store() -> None:
    old = parsed(labels="lambda 5, exits 1,5, training data, permuted").labels
    new = parsed(labels="lambda 5, exits 1,5", labels_key="lambda 5, exits 1,5").labels
    assert old is not None
    assert new is not None
    assert old.test_key == new.test_key
    assert parsed(labels="lambda 50, exits 1,5").labels != new


def test_changes_are_read_as_json_and_as_the_text_of_earlier_versions() -> None:
    values = {"regime.0.drops": [1, 2], "network.growth": 4, "augment": {}, "dataset.path": "a, b=c"}
    assert parsed(changes_json=json.dumps(values), changes="anything").changes == values
    assert parsed(changes_json="[cut", changes="network.growth=4").changes == {"network.growth": 4}
    assert changes_from_text("regime.0.drops=[1, 2], network.growth=4, dataset.path=x.npz") == {
        "regime.0.drops": [1, 2],
        "network.growth": 4,
        "dataset.path": "x.npz",
    }
    assert changes_from_text("") == changes_from_text("nonsense") == {}


@given(
    st.dictionaries(st.from_regex(r"[a-z_]{1,5}(\.[a-z0-9_]{1,5}){0,2}", fullmatch=True), st.integers() | st.booleans())
)
def test_what_earlier_versions_wrote_is_read_back(changes: dict[str, int | bool]) -> None:
    assert changes_from_text(changes_text(changes)) == changes


@pytest.mark.parametrize("value", [8, True, "true", "8", "x.npz", "a b", [1, 2], {}, "no", "", None, "1e-4"])
def test_a_setting_is_read_back_as_what_it_was(value: object) -> None:
    from overthink.definition.source import Overrides

    assert Overrides.parse([as_setting("a.b", value)]).values == (("a.b", value),)  # type: ignore[arg-type]


def test_a_raw_run_is_plain_json() -> None:
    run = raw("0", more={tags.CHANGES: "a=1"})
    assert RawRun(**json.loads(json.dumps(asdict(run)))) == run
