from dataclasses import replace

import pytest

from overthink.comparison.overthinking import MISSING, Gap, Row, overthinking_rows
from overthink.comparison.paired import with_differences
from overthink.report.tables import OVERTHINKING
from overthink.store import tags
from overthink.store.stored import PaperNumber, StoredRun
from support.stored_runs import parent, stored


def rows_of(*runs: StoredRun, by: str = "variant") -> list[Row]:
    return overthinking_rows(runs, by)


def test_one_group_by_hand() -> None:
    (row,) = rows_of(parent("0 1", reported=0.1793), stored("0", last=0.6), stored("1", last=0.7))
    assert (row.dataset, row.group) == ("max-min-mnist", "quickstart: short")
    last = row.estimates["test/accuracy/last"]
    assert last.n == 2
    assert last.mean == pytest.approx(0.65)
    assert last.std == pytest.approx(0.1 / 2**0.5)
    assert row.reported == {"test/overthinking/any_later": PaperNumber(0.1793, "Table 3.1", False)}
    assert row.finished == ("0", "1")
    assert row.gaps == ()


def test_missing_and_failed_seeds_are_shown_not_dropped() -> None:
    (row,) = rows_of(parent("0:4"), stored("0"), stored("2", tags.DIVERGED), stored("3", tags.RUNNING))
    assert {(gap.seed, gap.outcome) for gap in row.gaps} == {("1", MISSING), ("2", tags.DIVERGED), ("3", tags.RUNNING)}
    assert row.estimates["test/accuracy/last"].n == 1


def test_the_newest_finished_run_of_a_key_counts() -> None:
    old, new = stored("0", last=0.1, started_ms=1), stored("0", last=0.9, started_ms=2)
    failed_later = stored("0", tags.FAILED, started_ms=3)
    (row,) = rows_of(old, new, failed_later)
    assert row.estimates["test/accuracy/last"] == (1, 0.9, None, None, None, None)
    assert row.gaps == ()


def test_groups_can_be_pooled_by_regime() -> None:
    runs = [stored("0", group="a"), stored("0", group="b"), stored("0", group="c", regime="8 joint")]
    assert [(row.group, len(row.finished), len(row.groups)) for row in rows_of(*runs, by="regime")] == [
        ("4 joint", 2, 2),
        ("8 joint", 1, 0),
    ]


def quickstart() -> list[StoredRun]:
    """Two variants of two and three seeds; the numbers of one are far above those of the other."""
    short = [stored(seed, last=last, group="s") for seed, last in (("0", 0.4), ("1", 0.5))]
    long = [stored(str(seed), last=0.7 + seed / 10, group="l", variant="long") for seed in range(3)]
    return [parent("0:2", group="s"), parent("0:3", group="l", variant="long"), *short, *long]


def test_a_row_of_two_variants_is_no_sample_of_five_seeds() -> None:
    """Mean over variants of their means over seeds, 0.45 and 0.8; the n of each; no deviation, no interval."""
    (row,) = rows_of(*quickstart(), by="definition")
    assert (row.group, row.estimates, row.values, row.asked) == ("quickstart", {}, {}, 5)
    found = row.over_groups["test/accuracy/last"]
    assert found[:3] == pytest.approx((0.625, 0.45, 0.8))
    assert found.n == (2, 3)
    assert [one.group for one in row.groups] == ["quickstart: short", "quickstart: long"]
    assert [one.estimates["test/accuracy/last"].n for one in row.groups] == [2, 3]
    assert [one.estimates["test/accuracy/last"].std for one in row.groups] == pytest.approx([0.05 * 2**0.5, 0.1])


@pytest.mark.parametrize("by", ["definition", "dataset", "network"])
def test_trials_of_a_sweep_are_no_seeds(by: str) -> None:
    trials = [stored("0", last=0.5 + trial / 100, group=f"t{trial}", variant=f"trial-{trial}") for trial in range(6)]
    (row,) = rows_of(*trials, by=by)
    assert (row.estimates, row.over_groups["test/accuracy/last"].n) == ({}, (1,) * 6)
    assert [len(one.estimates) for one in row.groups] == [4] * 6


def test_a_grouped_row_of_one_group_is_as_any_other() -> None:
    runs = quickstart()[2:4]
    (by_variant,), (by_network,) = rows_of(*runs), rows_of(*runs, by="network")
    assert by_network.groups == ()
    assert by_network.estimates == by_variant.estimates
    assert by_network.group == "msdnet 5x3"


def test_a_group_without_a_finished_run_does_not_count() -> None:
    (row,) = rows_of(*quickstart()[:4], by="definition")
    found = row.over_groups["test/accuracy/last"]
    assert found[:3] == pytest.approx((0.45, 0.45, 0.45))
    assert found.n == (2, 0)
    assert (len(row.groups), row.asked, len(row.gaps)) == (2, 5, 3)


def test_what_groups_do_not_share_is_not_their_rows() -> None:
    one, other = stored("0", group="a"), stored("0", group="b", regime="8 joint")
    (row,) = rows_of(one, other, by="network")
    assert (row.network.label, row.regime.label) == ("msdnet 5x3", "")


def test_runs_without_a_key_of_their_group_are_not_pooled() -> None:
    """Nothing says that they differ in their seeds alone."""
    runs = [stored("0", group=""), stored("1", group="")]
    assert [row.estimates["test/accuracy/last"].n for row in rows_of(*runs)] == [1, 1]


def test_a_baseline_of_several_groups_is_refused_and_a_row_of_several_is_not_compared() -> None:
    runs = [*quickstart(), stored("0", group="o", regime="8 joint"), stored("1", group="o", regime="8 joint")]
    rows = rows_of(*runs, by="regime")
    with pytest.raises(ValueError, match="row '4 joint' is of 2 groups, which differ in more than seeds"):
        with_differences(rows, "4 joint")
    pooled, baseline = with_differences(rows, "8 joint")
    assert (pooled.differences, baseline.differences, pooled.has_several_groups) == ({}, {}, True)
    assert "of several groups, whose runs are no pairs: 4 joint." in OVERTHINKING.caption([pooled, baseline])


def test_the_same_seed_failing_in_two_pooled_groups_counts_twice() -> None:
    (row,) = rows_of(
        *(stored("0", tags.FAILED, group=group, variant=group) for group in ("a", "b")),
        *(parent("0 1", group=group, variant=group) for group in ("a", "b")),
        by="regime",
    )
    assert sorted(row.gaps) == [
        Gap("quickstart: a", "0", tags.FAILED, "", ("a", "")),
        Gap("quickstart: a", "1", MISSING, "", ("a", "")),
        Gap("quickstart: b", "0", tags.FAILED, "", ("b", "")),
        Gap("quickstart: b", "1", MISSING, "", ("b", "")),
    ]


def test_regimes_that_read_alike_and_differ_are_not_pooled() -> None:
    """Short words hide a learning rate; the key of the part does not."""
    one, other, same = (stored("0", group=group) for group in "abc")
    keys = ((one, "aaaaaaaa"), (other, "bbbbbbbb"), (same, "aaaaaaaa"))
    runs = [replace(run, regime=replace(run.regime, key=key)) for run, key in keys]
    rows = rows_of(*runs, by="regime")
    assert [(row.group, len(row.finished)) for row in rows] == [("4 joint #aaaaaa", 2), ("4 joint #bbbbbb", 1)]
    rates = {"aaaaaaaa": "0.1", "bbbbbbbb": "0.05"}  # of which the store has the definitions
    known = [replace(run, params={"regime.0.lr": rates[run.regime.key], "regime.0.epochs": "4"}) for run in runs]
    assert [row.group for row in rows_of(*known, by="regime")] == ["4 joint [lr=0.1]", "4 joint [lr=0.05]"]


def test_two_data_sets_of_one_name_are_told_apart_by_what_they_are() -> None:
    """Not by two keys that say the same: `max-min-mnist #1b45cd #1b45cd`."""
    runs = [
        replace(run, dataset=replace(run.dataset, key=key), params={"dataset.train": train, "regime.0.lr": rate})
        for run, key, train, rate in (
            (stored("0", group="a"), "1b45cd99", "6000", "0.1"),
            (stored("0", group="b"), "1b45cd99", "6000", "0.2"),
            (stored("0", group="c"), "77777777", "400", "0.1"),
        )
    ]
    assert [row.group for row in rows_of(*runs, by="dataset")] == [
        "max-min-mnist [train=6000]",
        "max-min-mnist [train=400]",
    ]
    nameless = [replace(run, params={}) for run in runs]
    assert [row.group for row in rows_of(*nameless, by="dataset")] == [
        "max-min-mnist #1b45cd",
        "max-min-mnist #777777",
    ]


def test_no_runs_give_no_rows() -> None:
    assert rows_of() == []


def test_a_tag_that_somebody_else_wrote_is_no_paper_number() -> None:
    odd = parent("0", more={tags.REPORTED: '[{"metric": 1}]'})
    assert rows_of(odd, stored("0"))[0].reported == {}
