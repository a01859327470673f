"""What a table says that its numbers are averages of."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from overthink.comparison.overthinking import Row, overthinking_rows
from overthink.report.averages import count_lines, number_lines
from overthink.report.policy_table import POLICY
from overthink.report.table_files import TEXTS, as_csv, as_json
from overthink.report.tables import OVERTHINKING, as_rich
from overthink.statistics.estimate import estimate
from overthink.store import tags
from overthink.store.stored import StoredRun
from support.columns import in_columns
from support.stored_runs import parent, stored

LAST = "test/accuracy/last"
OVER_SEEDS = "standard deviation over seeds"
OVER_GROUPS = "mean over groups of their means over seeds"


def runs(counts: Sequence[int], regime: str = "4 joint") -> list[StoredRun]:
    """Groups of so many seeds; each group's numbers are 0.1 above those of the one before."""
    return [
        stored(
            str(seed), last=0.3 + place / 10 + seed / 100, group=f"{regime} {place}", variant=str(place), regime=regime
        )
        for place, count in enumerate(counts)
        for seed in range(count)
    ]


def by_regime(counts: Sequence[int]) -> list[Row]:
    return overthinking_rows(runs(counts), "regime")


@pytest.mark.parametrize(
    "counts, shown",
    [
        ((2, 2), ("2 groups", "2 + 2 runs")),
        ((2, 3, 4), ("3 groups", "2-4 runs")),
        ((1,) * 6, ("6 groups", "1 run each")),
        ((3,) * 6, ("6 groups", "3 runs each")),
    ],
)
def test_the_n_of_each_group(counts: tuple[int, ...], shown: tuple[str, str]) -> None:
    (row,) = by_regime(counts)
    assert count_lines(row) == shown


def test_a_table_of_80_columns_of_rows_of_groups() -> None:
    """No deviation, no interval, and no word of seeds that are none."""
    shown = in_columns(as_rich(by_regime([2, 2])))
    for part in ("2 groups", "2 + 2 runs", "35.50", "30.5 to 40.5"):
        assert part in shown
    said = " ".join(shown.split())
    assert OVER_GROUPS in said
    assert OVER_SEEDS not in said
    assert "±" not in shown
    assert "[" not in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_a_caption_explains_no_mark_that_its_table_does_not_show() -> None:
    """Groups of a row may have intervals for new samples alone; the row shows none."""
    (row,) = by_regime([1, 1])
    of_samples = [
        replace(one, interval="both", estimates={LAST: one.estimates[LAST]._replace(interval="samples")})
        for one in row.groups
    ]
    assert "‡" in OVERTHINKING.caption(of_samples)
    assert "‡" not in OVERTHINKING.caption([replace(row, groups=tuple(of_samples))])


def test_a_caption_says_what_its_rows_are() -> None:
    pooled, of_one, single = by_regime([2, 2]), by_regime([2]), by_regime([1])
    assert (OVER_SEEDS in OVERTHINKING.caption(of_one), OVER_GROUPS in OVERTHINKING.caption(of_one)) == (True, False)
    both = OVERTHINKING.caption([*pooled, *of_one])
    assert OVER_SEEDS in both
    assert OVER_GROUPS in both
    assert "one run a row" in OVERTHINKING.caption(single)
    assert OVER_SEEDS not in OVERTHINKING.caption(single)


def test_every_format_has_the_n_of_each_group() -> None:
    rows = by_regime([2, 3])
    (record,) = csv.DictReader(io.StringIO(as_csv(rows)))
    assert (record[f"{LAST}/groups"], record[f"{LAST}/n"], record["group"]) == ("2", "2 + 3", "4 joint")
    assert float(record[f"{LAST}/mean"]) == pytest.approx((0.305 + 0.41) / 2)
    assert f"{LAST}/std" not in record
    (plain,) = json.loads(as_json(rows))["rows"]
    assert plain["estimates"] == {}
    assert plain["over_groups"][LAST]["n"] == [2, 3]
    assert [one["estimates"][LAST]["n"] for one in plain["groups"]] == [2, 3]
    for form in ("markdown", "latex", "html"):
        text = TEXTS[form](rows)
        assert "2 + 3 runs" in text
        assert "30.5 to 41.0" in text


def control(last: float) -> list[Row]:
    labels = ["0", "0-repeat1", "0-repeat2"]
    arms = {tags.ARMS: json.dumps({"none": " ".join(labels)})}
    group = parent(" ".join(labels), more=arms)
    return overthinking_rows([group, *(stored(seed) for seed in labels[:2]), stored(labels[2], last=last)])


def test_a_control_is_one_run_and_says_so() -> None:
    """Three equal runs have no interval; were they not equal, the table would say so."""
    text = TEXTS["markdown"](control(0.6))
    assert "| max-min-mnist<br>quickstart: short / none<br>3 equal runs | 1 | 60.00 |" in text
    assert "equal by construction and count once: quickstart: short / none (3 runs)." in text
    assert "DIFFERENT" not in text
    differing = TEXTS["markdown"](control(0.5))
    assert "3 runs differ: see below | 1 | 60.00 |" in differing
    assert "DIFFERENT REPEATS in quickstart: short / none, although their seeds are equal" in differing


def test_an_arm_says_what_its_interval_holds_fixed() -> None:
    labels = ["0", *(f"split0-init{number}-order0-augment0" for number in (1, 2))]
    group = parent(" ".join(labels), more={tags.ARMS: json.dumps({"init": " ".join(labels)})})
    said = OVERTHINKING.caption(overthinking_rows([group, *map(stored, labels)]))
    assert (
        "Held fixed, so not covered by intervals: one split, one order and one augmentation (quickstart: short / init)."
        in said
    )


def test_data_of_several_groups_that_differ() -> None:
    seen = [replace(run, data=digest) for run, digest in zip(runs([1, 1]), "ab", strict=True)]
    said = OVERTHINKING.caption(overthinking_rows(seen, "regime"))
    assert "DIFFERENT DATA in 4 joint, although defined alike: seed 0 of quickstart: 0 used a; seed 0 of" in said


def policy_row(p: float, group: str, dataset: str = "max-min-mnist") -> StoredRun:
    own = {tags.TASK: tags.POLICY, "overthink.labels": f"lambda {group}", "overthink.dataset": dataset}
    run = stored("0", group=group, variant=group, more=own)
    names = ("accuracy", "balanced_accuracy", "best_constant", "uniform", "confidence/balanced_accuracy")
    numbers = {f"test/policy/{name}": 0.5 for name in names}
    run.metrics.clear()
    run.metrics.update(numbers | {f"test/policy/p/{against}": p for against in ("constant", "chance")})
    return run


def test_policy_networks_of_several_groups() -> None:
    """Verdicts are counted over runs; each group is its own positive control, and labels that differ are not named."""
    (row,) = overthinking_rows([policy_row(0.001, "1"), policy_row(0.9, "2")], "network", POLICY.metrics)
    cells = [column.cell(row) for column in POLICY.columns]
    assert cells[1] == ("2 groups", "1 + 1 runs")
    assert cells[-1][:2] == ("learned (1/2)", "nothing shown (1/2)")
    assert cells[-1][2] == "p 0.9 constant"
    assert "lambda" not in " ".join(cells[0])
    assert OVER_GROUPS in POLICY.caption([row])


def test_a_cell_says_how_many_runs_have_the_metric() -> None:
    """A share of what is overthought is not defined for a run that overthinks nothing."""
    (row,) = overthinking_rows([parent("0:3"), *(stored(seed, last=0.5) for seed in "012")])
    some = replace(row, estimates={"test/x": estimate([0.4, 0.6])})
    assert number_lines(some, "test/x")[-1] == "n = 2"
    assert number_lines(row, "test/accuracy/last")[-1] != "n = 3"
