from dataclasses import replace

import pytest

from overthink.comparison.overthinking import Row, overthinking_rows
from overthink.comparison.paired import check_margin, with_differences
from overthink.report.policy_table import POLICY
from overthink.report.table_files import TEXTS
from overthink.report.tables import OVERTHINKING
from overthink.store import tags
from overthink.store.stored import StoredRun
from support.stored_runs import parent, stored

LAST = "test/accuracy/last"


def rows() -> list[Row]:
    """Variant long beats short by 0.10, 0.12 and 0.14 on seeds 0, 1, 2; seed 3 has no partner."""
    short = [stored(seed, last=last, group="s") for seed, last in (("0", 0.5), ("1", 0.6), ("2", 0.4), ("3", 0.9))]
    long = [
        stored(seed, last=last, group="l", variant="long") for seed, last in (("2", 0.54), ("0", 0.60), ("1", 0.72))
    ]
    parents = [parent("0:4", group="s"), parent("0:3", group="l", variant="long")]
    return overthinking_rows([*parents, *short, *long])


def test_by_hand() -> None:
    """One of four comparisons: t(1 - 0.025 / 4, 2) = 8.86 in place of 4.30."""
    short, long = with_differences(rows(), "short")
    assert short.differences == {}
    difference = long.differences[LAST]
    assert (difference.n, difference.comparisons) == (3, 4)
    assert difference.mean == pytest.approx(0.12)
    assert difference.std == pytest.approx(0.02)
    assert difference.low == pytest.approx(0.12 - 8.8602 * 0.02 / 3**0.5, abs=1e-6)
    assert long.unpaired == ("3",)


def test_what_a_single_seed_has_is_no_comparison() -> None:
    """Its three metrics have no interval, so they cost the other rows nothing."""
    few = [*rows(), *overthinking_rows([stored("0", last=0.4, group="f", variant="few")])]
    _, long, one = with_differences(few, "short")
    assert long.differences == with_differences(rows(), "short")[1].differences
    assert one.differences[LAST].mean == pytest.approx(-0.1)
    assert (one.differences[LAST].low, one.differences[LAST].p, one.differences[LAST].comparisons) == (None, None, 4)


def test_a_margin_is_one_of_differences_of_rates() -> None:
    for margin, baseline, message in (
        (0.0, "short", "above 0"),
        (1.5, "short", "margin 150"),
        (0.01, None, "baseline"),
    ):
        with pytest.raises(ValueError, match=message):
            check_margin(margin, baseline)
    check_margin(0.01, "short")
    check_margin(None, None)


def test_pairs_say_more_than_the_two_groups_apart() -> None:
    """Seeds differ by tenths, variants by hundredths: only the paired interval leaves zero out."""
    short, long = with_differences(rows(), "quickstart: short")
    apart_low, apart_high = long.estimates[LAST].low, short.estimates[LAST].high
    assert apart_low is not None
    assert apart_high is not None
    assert apart_low < apart_high
    low = long.differences[LAST].low
    assert low is not None
    assert low > 0


def test_a_baseline_that_nobody_has_is_named() -> None:
    with pytest.raises(
        ValueError, match=r"no row is called 'plain'; there are 'quickstart: short', 'quickstart: long'"
    ):
        with_differences(rows(), "plain")


def test_two_rows_of_one_name_are_told_apart() -> None:
    twice = [stored("0", group="a"), stored("0", group="b")]
    with pytest.raises(ValueError, match="2 rows of max-min-mnist are called 'short'"):
        with_differences([*rows(), *overthinking_rows(twice[:1])], "short")


def test_data_that_only_share_a_name_are_not_paired() -> None:
    """Fewer test samples are other data; a run of an older version, which has no key, goes by the name."""
    runs = [
        stored(str(seed), group=group, variant=group) for group in ("base", "same", "other", "old") for seed in (0, 1)
    ]
    keys = {"base": "aaaa", "same": "aaaa", "other": "bbbb", "old": ""}
    runs = [replace(run, dataset=replace(run.dataset, key=keys[run.group_key])) for run in runs]
    rows = with_differences(overthinking_rows(runs), "base")
    assert [row.group.rpartition(": ")[2] for row in rows if row.differences] == ["same", "old"]
    assert "not run on the same data: quickstart: other." in TEXTS["markdown"](rows)
    assert "not run on the same data: quickstart: other." in TEXTS["markdown"]([rows[0], rows[2]])


def test_runs_of_one_group_that_saw_different_data() -> None:
    """A file was replaced between them: every table says so, and what saw other data throughout is not paired."""
    runs = [
        replace(stored(str(seed), group=group, variant=group), data=data)
        for group, seen in (("base", "aa"), ("mixed", "ab"), ("other", "bb"), ("silent", ["", ""]))
        for seed, data in enumerate(seen)
    ]
    rows = with_differences(overthinking_rows(runs), "base")
    assert [row.data for row in rows] == [{"a": ("0", "1")}, {"a": ("0",), "b": ("1",)}, {"b": ("0", "1")}, {}]
    said = "DIFFERENT DATA in quickstart: mixed, although of one definition: seed 0 used a; seed 1 used b (SHA-256)."
    for layout in (OVERTHINKING, POLICY):
        assert layout.caption(rows).count("DIFFERENT DATA") == 1
        assert said in TEXTS["markdown"](rows, layout)
        assert TEXTS["latex"](rows, layout).count("different data: see below") == 1
    assert "a; b" in TEXTS["csv"](rows)
    assert "not run on the same data: quickstart: other." in TEXTS["markdown"](rows)
    assert [row.group for row in rows if row.differences] == ["quickstart: mixed", "quickstart: silent"]


def policy(group: str, seed: str, labels: str, right: float, main: str = "m") -> StoredRun:
    own = {tags.TASK: tags.POLICY, "overthink.labels": labels, tags.MAIN_RUN: "id", tags.MAIN_KEY: f"{main}{seed}"}
    run = stored(seed, group=group, variant=group, more=own)
    found = {"accuracy": right, "balanced_accuracy": right, "p/constant": 0.5, "p/chance": 0.5}
    return replace(run, metrics={f"test/policy/{name}": value for name, value in found.items()})


def test_policy_networks_are_compared_where_the_same_exits_are_right() -> None:
    """A control of shuffled training labels is tested on the same labels; p-values are no subject of comparisons."""
    runs = [
        policy(group, seed, labels, right + int(seed) / (10 if group == "base" else 5), main)
        for group, labels, right, main in (
            ("base", "lambda 5, exits 1,5", 0.5, "m"),
            ("same", "lambda 5, exits 1,5", 0.6, "m"),
            ("control", "lambda 5, exits 1,5, permuted", 0.3, "m"),
            ("rule", "lambda 50, exits 1,5", 0.9, "m"),
            ("main", "lambda 5, exits 1,5", 0.9, "n"),
        )
        for seed in ("0", "1")
    ]
    rows = with_differences(overthinking_rows(runs, metrics=POLICY.metrics), "base", POLICY.compared)
    assert [row.group.rpartition(": ")[2] for row in rows if row.differences] == ["same", "control"]
    assert set(rows[1].differences) == {"test/policy/accuracy", "test/policy/balanced_accuracy"}
    assert rows[1].differences["test/policy/accuracy"].mean == pytest.approx(0.15)
    said = POLICY.caption(rows)
    assert "corrected for 4 comparisons (Holm)" in said
    assert "same: no difference shown: right exits, balanced." in said
    assert "their labels differ (another label rule or another main network): quickstart: rule, " in said
    assert "Δ" not in POLICY.caption(overthinking_rows(runs, metrics=POLICY.metrics))


def test_a_baseline_by_the_name_of_a_definition_with_one_row() -> None:
    other = stored("0", last=0.5, group="o", more={tags.DEFINITION: "other"})
    compared = with_differences(overthinking_rows([*rows_of_short(), other]), "other")
    assert [row.differences[LAST].mean for row in compared if row.group == "quickstart: short"] == pytest.approx([0.0])
    with pytest.raises(ValueError, match="no row is called 'quickstart'"):
        with_differences(rows(), "quickstart")


def rows_of_short() -> list[StoredRun]:
    return [stored("0", last=0.5, group="s"), stored("1", last=0.6, group="s")]


def test_seeds_are_paired_on_the_same_data_alone() -> None:
    """Both rows were tested on two contents of one file; seeds 0 and 1 each on the other one."""
    short, long = rows()
    short = replace(short, data={"one": ("0", "2"), "two": ("1", "3")})
    long = replace(long, data={"one": ("1", "2"), "two": ("0",)})
    _, found = with_differences([short, long], "short")
    assert found.differences[LAST].n == 1
    assert found.differences[LAST].mean == pytest.approx(0.14)
    assert found.unpaired == ("0", "1", "3")
    assert "Only one of the two has seed 0, 1, 3 on the same data." in TEXTS["markdown"]([short, found], OVERTHINKING)
