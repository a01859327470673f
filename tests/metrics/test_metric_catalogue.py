import re
from dataclasses import replace

import numpy as np
import pytest

from overthink.metrics.catalogue import CATALOGUE, compute, describe
from overthink.metrics.metric import Metric
from overthink.metrics.naming import level_names
from overthink.predictions.common_samples import at_rows
from overthink.predictions.predictions import Predictions

MLFLOW_KEY = re.compile(r"[A-Za-z0-9_. /-]{1,250}")


def six_samples() -> Predictions:
    """Three exits; a right exit has softmax (3/4, 1/4), a wrong one (1/4, 3/4), so two that disagree are 1 apart."""
    # samples:              0  1  2  3  4  5
    right_EN = np.array([[1, 1, 1, 0, 0, 0], [1, 0, 1, 1, 0, 0], [1, 1, 0, 0, 1, 0]])
    return Predictions.from_logits(
        logits_ENC=np.log(3) * np.stack([right_EN, 1 - right_EN], axis=2),
        labels_N=np.zeros(6, dtype=np.int64),
        ids_N=np.arange(6),
        levels_N=np.array([0, 0, 0, 2, 2, 2]),
        level_names=("easy", "medium", "very hard!"),
        cost_E=np.array([10, 25, 60]),
        fingerprint="by hand",
        split="test",
        keep_logits=False,
    )


def test_every_metric_by_hand() -> None:
    expected = {
        "accuracy/exit_1": 3 / 6,
        "accuracy/exit_2": 3 / 6,
        "accuracy/exit_3": 3 / 6,
        "accuracy/last": 3 / 6,
        "accuracy/mean": 3 / 6,
        "accuracy_by_level/easy/exit_1": 3 / 3,
        "accuracy_by_level/easy/exit_2": 2 / 3,
        "accuracy_by_level/easy/exit_3": 2 / 3,
        "accuracy_by_level/very hard_/exit_1": 0,
        "accuracy_by_level/very hard_/exit_2": 1 / 3,
        "accuracy_by_level/very hard_/exit_3": 1 / 3,
        "overthinking/any_later": 3 / 6,
        "overthinking/final": 2 / 6,
        "overthinking/wasteful": 2 / 6,
        "overthinking_by_level/any_later/easy": 2 / 3,
        "overthinking_by_level/any_later/very hard_": 1 / 3,
        "overthinking_by_level/final/easy": 1 / 3,
        "overthinking_by_level/final/very hard_": 1 / 3,
        "overthinking_pairs/exit_1_then_exit_2": 1 / 6,
        "overthinking_pairs/exit_1_then_exit_3": 1 / 6,
        "overthinking_pairs/exit_2_then_exit_3": 2 / 6,
        "confusion/mean": (0 + 1 + 2 + 1 + 2 + 0) / 6,
        "oracle/accuracy": 5 / 6,
        "oracle/mul_adds": (10 + 10 + 10 + 25 + 60 + 0) / 6,
        "upper_bound/accuracy": 5 / 6,
        "upper_bound/mul_adds": (10 + 10 + 10 + 25 + 60 + 60) / 6,
        # always 3/4 sure, right in half: one bin, a gap of 1/4
        "calibration/ece/exit_1": 1 / 4,
        "calibration/ece/exit_2": 1 / 4,
        "calibration/ece/exit_3": 1 / 4,
        "hindsight/exit_1": 0,
        "hindsight/exit_2": 1 / 3,
        "hindsight/exit_3": 2 / 3,
        # all are equally sure, so that all leave at exit 1
        **{f"budgeted/held_out_at_{percent}_percent": 3 / 6 for percent in (25, 50, 75, 100)},
        # budgets of 15, 30, 45 and 60 a sample: 3 samples are right at exit 1, one more for 15, another for 50
        "budget_oracle/accuracy_at_25_percent": 4 / 6,
        "budget_oracle/accuracy_at_50_percent": 5 / 6,
        "budget_oracle/accuracy_at_75_percent": 5 / 6,
        "budget_oracle/accuracy_at_100_percent": 5 / 6,
    }
    values = compute(six_samples())
    assert list(values) == list(expected)
    assert values == pytest.approx(expected, rel=1e-6)


def random_predictions(seed: int, n_exits: int, n_samples: int, keep_logits: bool = False) -> Predictions:
    random = np.random.default_rng(seed)
    return Predictions.from_logits(
        logits_ENC=random.normal(0, 3, (n_exits, n_samples, 4)),
        labels_N=random.integers(0, 4, n_samples),
        ids_N=np.arange(n_samples),
        levels_N=random.integers(0, 2, n_samples),
        level_names=("one digit", ".."),
        cost_E=np.cumsum(random.integers(1, 9, n_exits)),
        fingerprint="random",
        split="val",
        keep_logits=keep_logits,
    )


@pytest.mark.parametrize("n_exits,n_samples", [(1, 1), (1, 9), (5, 1), (5, 60), (12, 30)])
def test_every_value_is_a_finite_float_in_its_range_under_a_name_that_can_be_stored(
    n_exits: int, n_samples: int
) -> None:
    values = compute(random_predictions(n_exits, n_exits, n_samples))
    for name, value in values.items():
        metric = describe(name)
        lowest, highest = metric.range
        assert isinstance(value, float)
        assert lowest <= value <= (np.finfo(float).max if highest is None else highest)
        assert MLFLOW_KEY.fullmatch(name)
        assert not {"", ".", ".."} & set(name.split("/"))
        assert metric.name == name
        assert "{" not in metric.title
        assert metric.source


def test_every_entry_of_the_catalogue_is_met_once() -> None:
    values = compute(six_samples(), random_predictions(0, 3, 40)) | compute(random_predictions(0, 3, 40))
    values |= compute(random_predictions(0, 3, 40, keep_logits=True), random_predictions(1, 3, 40, keep_logits=True))
    families = {replace(describe(name), name="", title="").compute for name in values}
    assert families == {metric.compute for metric in CATALOGUE}
    assert len({metric.name for metric in CATALOGUE}) == len(CATALOGUE)


def test_what_is_undefined_is_left_out() -> None:
    for undefined in (None, float("nan")):
        metric = Metric("a", "A", "ours", "none", lambda value: value)
        assert metric.values(undefined) == {}
        assert metric.values({"a/1": undefined, "a/2": 1}) == {"a/2": 1.0}


def test_no_levels_no_numbers_by_level() -> None:
    plain = replace(six_samples(), level_names=(), levels_N=np.zeros(6, dtype=np.int64))
    assert not [name for name in compute(plain) if "level" in name]


def test_a_member_of_a_family_is_described_by_itself() -> None:
    metric = describe("overthinking_pairs/exit_2_then_exit_10")
    assert (metric.name, metric.title) == (
        "overthinking_pairs/exit_2_then_exit_10",
        "Right at exit 2, wrong at exit 10",
    )
    assert (metric.unit, metric.direction, metric.range) == ("fraction", "lower", (0, 1))
    assert describe("oracle/mul_adds").unit == "MUL-ADDs"


@pytest.mark.parametrize(
    "name,nearest",
    [
        ("overthinking/anylater", "overthinking/any_later"),
        ("acuracy/exit_1", "accuracy/exit_{exit}"),
        ("accuracy/exit_0", "accuracy/exit_{exit}"),
        ("accuracy/exit_1/", "accuracy/exit_{exit}"),
        ("overthinking_pairs/exit_3_then_exit_2", "overthinking_pairs/exit_{exit}_then_exit_{later}"),
        ("overthinking_by_level/final/a/b", "overthinking_by_level/final/{level}"),
        ("test/oracle/accuracy", "oracle/accuracy"),
    ],
)
def test_an_unknown_name_offers_the_nearest(name: str, nearest: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"unknown metric {name!r}; did you mean {nearest!r}?")):
        describe(name)


def test_an_empty_name_is_unknown_too() -> None:
    with pytest.raises(ValueError, match="unknown metric ''"):
        describe("")


def test_level_names_are_made_safe_or_refused() -> None:
    assert level_names(["easy", "max/min", "ü%", ".", "..", "a.b-c_d 1"]) == [
        "easy",
        "max_min",
        "__",
        "_",
        "_.",
        "a.b-c_d 1",
    ]
    with pytest.raises(ValueError, match="become the same"):
        level_names(["a/b", "a:b"])


def test_what_thresholds_are_needed_for_needs_validation_data() -> None:
    test, validation = random_predictions(1, 4, 80), random_predictions(2, 4, 80)
    test, validation = (replace(p, cost_E=np.array([10, 20, 30, 40])) for p in (test, validation))
    alone, both = compute(test), compute(test, validation)
    added = both.keys() - alone.keys()
    assert {name.split("/")[0] for name in added} == {"budgeted"}
    assert {"budgeted/area", "budgeted/accuracy_at_100_percent", "budgeted/recovered_at_50_percent"} <= added
    assert both["budgeted/accuracy_at_50_percent"] <= both["budget_oracle/accuracy_at_100_percent"]
    assert describe("budgeted/accuracy_at_50_percent").title == "Accuracy for 50% of the last exit's cost"


def test_each_half_is_tried_with_the_thresholds_of_the_other() -> None:
    both = random_predictions(3, 4, 200)
    rows_N = np.arange(200)
    even, odd = (at_rows(both, rows_N[first::2]) for first in (0, 1))
    one, other = compute(even, odd), compute(odd, even)
    found = compute(both)
    for percent in (50, 75, 100):
        name = f"budgeted/accuracy_at_{percent}_percent"
        assert found[f"budgeted/held_out_at_{percent}_percent"] == pytest.approx((one[name] + other[name]) / 2)
