"""Intervals for new test samples in tables, from stored predictions, and the words for what each holds for."""

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from overthink.cli.intervals import PATIENCE, announced, parse_over
from overthink.comparison.intervals import (
    DIFFERENT_DATA,
    DIFFERENT_SAMPLES,
    ONE_SAMPLE,
    OTHER_VALUE,
    Read,
    with_intervals,
)
from overthink.comparison.overthinking import Row, overthinking_rows
from overthink.metrics.overthinking import finally_overthought, overthought
from overthink.predictions.absent import needed
from overthink.predictions.arrays import BoolArray
from overthink.predictions.correctness import Correctness
from overthink.report.policy_table import POLICY
from overthink.report.table_files import TEXTS
from overthink.report.tables import OVERTHINKING, as_rich
from overthink.statistics.crossed import crossed_mean
from overthink.store.stored import StoredRun
from support.columns import in_columns
from support.repeats import by_difficulty
from support.stored_runs import parent, stored

LAST, FINAL = "test/accuracy/last", "test/overthinking/final"
Known = Mapping[str, Correctness]


def of(correct_EN: BoolArray) -> Correctness:
    n = correct_EN.shape[1]
    return Correctness(np.arange(n), np.zeros(n, dtype=np.int64), correct_EN)


def run_of(correct_EN: BoolArray, seed: int, group: str = "g1", variant: str = "short") -> StoredRun:
    """Return a run with the metrics that its predictions have."""
    metrics = {
        LAST: correct_EN[-1].mean(),
        "test/overthinking/any_later": overthought(correct_EN).mean(),
        FINAL: finally_overthought(correct_EN).mean(),
        "test/oracle/accuracy": correct_EN.any(axis=0).mean(),
    }
    run = stored(str(seed), group=group, variant=variant)
    return replace(run, metrics={name: float(value) for name, value in metrics.items()})


def group_of(repeats: int, group: str = "g1", variant: str = "short", n: int = 200) -> tuple[list[StoredRun], Known]:
    correct_REN = by_difficulty(repeats, n)
    runs = [run_of(one_EN, seed, group, variant) for seed, one_EN in enumerate(correct_REN)]
    known = {run.run_id: of(one_EN) for run, one_EN in zip(runs, correct_REN, strict=True)}
    return [parent(f"0:{repeats}", group=group, variant=variant), *runs], known


def reading(known: Known) -> Read:
    def read(run_id: str) -> Correctness:
        if run_id not in known:
            raise ValueError("run 12345678 has no stored predictions")
        return known[run_id]

    return read


def refused(run_id: str) -> Correctness:
    raise AssertionError("no predictions are read")


def crossed(runs: list[StoredRun], known: Known) -> list[Row]:
    return with_intervals(overthinking_rows(runs), "both", reading(known))


def shown(rows: list[Row]) -> str:
    return " ".join(in_columns(as_rich(rows)).split())


def test_over_both_by_the_table_of_its_samples() -> None:
    runs, known = group_of(4)
    (row,) = crossed(runs, known)
    (before,) = overthinking_rows(runs)
    correct_REN = np.stack([one.correct_EN for one in known.values()])
    for metric, values_RN in (
        (LAST, correct_REN[:, -1]),
        (FINAL, np.stack([finally_overthought(one_EN) for one_EN in correct_REN])),
    ):
        found = row.estimates[metric]
        assert (found.mean, found.low, found.high) == pytest.approx(crossed_mean(values_RN.astype(np.float64)))
        assert found.interval == "both"
        assert (found.n, found.mean, found.std) == before.estimates[metric][:3]
    assert "[95% interval of the mean, for new seeds and new test samples]" in shown([row])
    assert "†" not in shown([row])


def test_over_seeds_no_predictions_are_read() -> None:
    runs, _ = group_of(3)
    rows = overthinking_rows(runs)
    assert with_intervals(rows, "seeds", refused) == rows
    assert {found.interval for found in rows[0].estimates.values()} == {"seeds"}
    assert "[95% interval of the mean, for new seeds, on these test samples]" in shown(rows)
    assert "Not for new test samples" not in shown(rows)


def test_a_single_run_has_an_interval_over_samples_alone() -> None:
    runs, known = group_of(3)
    alone, known_alone = group_of(1, group="g2", variant="long")
    _, one = crossed([*runs, *alone], {**known, **known_alone})
    values_1N = next(iter(known_alone.values())).correct_EN[-1:].astype(np.float64)
    found = one.estimates[LAST]
    assert (found.mean, found.low, found.high) == pytest.approx(crossed_mean(values_1N, "samples"))
    assert (found.std, found.interval) == (None, "samples")
    text = shown(crossed([*runs, *alone], {**known, **known_alone}))
    assert "]‡" in text
    assert "‡: for new test samples, of these networks." in text
    assert "[95% interval of the mean, for new test samples, of these networks]" in shown(crossed(alone, known_alone))


def test_over_samples_alone() -> None:
    runs, known = group_of(3)
    (row,) = with_intervals(overthinking_rows(runs), "samples", reading(known))
    values_RN = np.stack([one.correct_EN[-1] for one in known.values()]).astype(np.float64)
    assert row.estimates[LAST][3:5] == pytest.approx(crossed_mean(values_RN, "samples")[1:])
    assert (row.interval, row.estimates[LAST].interval) == ("samples", "samples")


def other_ids(one: Correctness) -> Correctness:
    return one._replace(ids_N=one.ids_N + 1)


def other_labels(one: Correctness) -> Correctness:
    return one._replace(labels_N=needed(one.labels_N, "labels") + 1)


def other_values(one: Correctness) -> Correctness:
    return one._replace(correct_EN=~one.correct_EN)


@pytest.mark.parametrize(
    "change, why",
    [(other_ids, DIFFERENT_SAMPLES), (other_labels, DIFFERENT_SAMPLES), (other_values, OTHER_VALUE)],
)
def test_where_it_cannot_be_it_is_over_seeds_and_said(change: object, why: str) -> None:
    runs, known = group_of(3)
    others, known_others = group_of(3, group="g2", variant="long")
    last = runs[-1].run_id
    assert callable(change)
    rows = crossed([*runs, *others], {**known, **known_others, last: change(known[last])})
    assert rows[0].estimates == overthinking_rows(runs)[0].estimates
    assert [row.no_new_samples for row in rows] == [why, ""]
    text = shown(rows)
    assert "]†" in text
    assert "†: for new seeds, on these test samples." in text
    assert f"Not for new test samples: quickstart: short, because {why}." in text


def test_without_any_predictions_intervals_are_over_seeds() -> None:
    runs, _ = group_of(3)
    (row,) = crossed(runs, {})
    assert row.interval == "seeds"
    text = shown([row])
    assert "[95% interval of the mean, for new seeds, on these test samples]" in text
    assert "because run 12345678 has no stored predictions" in text
    assert "†" not in text


def test_a_single_sample_and_other_data() -> None:
    runs, known = group_of(2, n=1)
    assert crossed(runs, known)[0].no_new_samples == ONE_SAMPLE
    runs, known = group_of(2)
    mixed = [replace(run, data=run.seeds_label) for run in runs]
    assert with_intervals(overthinking_rows(mixed), "both", refused)[0].no_new_samples == DIFFERENT_DATA


def test_a_metric_that_is_no_mean_over_samples_stays_over_seeds() -> None:
    """Policy networks of one main network are tested on the same labels; balanced accuracy is no mean."""
    runs, known = group_of(3)
    metrics = ("policy/accuracy", "policy/balanced_accuracy", "policy/uniform")
    runs = [
        run
        if run.is_group
        else replace(run, task="policy", metrics={f"test/{name}": run.metrics[LAST] for name in metrics})
        for run in runs
    ]
    (row,) = with_intervals(overthinking_rows(runs, metrics=POLICY.metrics), "both", reading(known))
    assert row.estimates["test/policy/accuracy"].interval == "both"
    assert row.estimates["test/policy/balanced_accuracy"].interval == "seeds"
    text = TEXTS["latex"]([row], POLICY)
    assert text.count(r"]$\dagger$") == 1
    assert "†: for new seeds, on these test samples." in POLICY.caption([row])


def test_ends_stay_between_0_and_1() -> None:
    correct_EN = np.array([[True] * 9 + [False], [True] * 9 + [False]])
    runs = [parent("0:2"), *(run_of(correct_EN, seed) for seed in range(2))]
    (row,) = crossed(runs, {run.run_id: of(correct_EN) for run in runs[1:]})
    assert row.estimates[LAST].high == 1.0
    assert row.estimates[FINAL][3:5] == pytest.approx((0.0, 0.3085), abs=1e-4)


def test_files_say_which_interval_it_is() -> None:
    rows = crossed(*group_of(3))
    (plain,) = json.loads(TEXTS["json"](rows))["rows"]
    assert plain["estimates"][LAST]["interval"] == plain["interval"] == "both"
    assert plain["no_new_samples"] == ""
    (record,) = csv.DictReader(io.StringIO(TEXTS["csv"](rows)))
    assert record[f"{LAST}/interval"] == "both"


def test_no_rows_and_no_finished_run() -> None:
    assert with_intervals([], "both", refused) == []
    (row,) = with_intervals(overthinking_rows([parent("0:2")]), "both", refused)
    assert row.estimates == {}


def test_the_option_is_checked() -> None:
    assert parse_over("samples") == "samples"
    with pytest.raises(ValueError, match="--interval seed: not one of seeds, samples, both; did you mean 'seeds'"):
        parse_over("seed")


def test_a_long_reading_is_announced_once(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([0.0, 0.1, PATIENCE + 1, PATIENCE + 2])
    monkeypatch.setattr("overthink.cli.intervals.time.monotonic", lambda: next(now))
    _, known = group_of(3)
    console = Console(width=80, file=io.StringIO())
    read = announced(reading(known), 3, console)
    for run_id in known:
        read(run_id)
    said = console.file.getvalue()  # type: ignore[attr-defined]
    assert said == "Reading predictions of 3 runs; --interval seeds needs none.\n"


def test_a_caption_speaks_of_intervals_where_there_are_some() -> None:
    assert "interval" not in OVERTHINKING.caption([])
    alone, _ = group_of(1)
    assert "interval" not in OVERTHINKING.caption(overthinking_rows(alone))


def test_a_row_of_several_groups_has_them_with_their_intervals() -> None:
    """The row itself has none: its groups differ in more than seeds."""
    runs, known = group_of(3)
    others, known_others = group_of(2, group="g2", variant="long")
    (row,) = with_intervals(
        overthinking_rows([*runs, *others], "definition"), "both", reading({**known, **known_others})
    )
    assert [one.estimates[LAST].interval for one in row.groups] == ["both", "both"]
    assert {one.interval for one in (row, *row.groups)} == {"both"}
    (plain,) = json.loads(TEXTS["json"]([row]))["rows"]
    assert [one["estimates"][LAST]["interval"] for one in plain["groups"]] == ["both", "both"]
    assert "†" not in TEXTS["markdown"]([row])
