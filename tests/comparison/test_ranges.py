import csv
import io
import json

import pytest

import overthink
from overthink.comparison.frame import frame_of
from overthink.comparison.overthinking import COLUMNS, overthinking_rows
from overthink.comparison.paired import with_differences
from overthink.comparison.ranges import cut, metric_estimate, range_of, range_of_difference
from overthink.policy.catalogue import describe
from overthink.report.notes import group_note
from overthink.report.table_files import as_csv, as_json
from overthink.report.tables import POLICY_TITLES
from overthink.store import tags
from overthink.store.stored import StoredRun
from support.stored_runs import stored


def runs() -> list[StoredRun]:
    """Two variants of two seeds far apart: intervals of their rates leave 0 to 1, and those of differences -1 to 1."""
    return [
        stored(seed, last=last, group=group, variant=group)
        for group, lasts in (("short", (0.1, 0.8)), ("long", (0.7, 0.3)))
        for seed, last in zip("01", lasts, strict=True)
    ]


def test_the_catalogue_has_the_ranges() -> None:
    assert {f"test/{name}" for name in tags.RATES} == {*COLUMNS}
    assert [range_of(f"test/{name}") for name in tags.RATES] == [describe(name).range for name in tags.RATES]
    assert {range_of(metric) for metric in POLICY_TITLES} == {(0, 1)}
    assert range_of("val/rank_correlation/exit_1_then_exit_2") == (-1, 1)
    assert range_of("test/oracle/mul_adds") == (0, None)
    assert range_of("test/of_a_plug_in") == range_of("train/accuracy/last") == (None, None)


def test_ranges_of_differences() -> None:
    assert range_of_difference("test/accuracy/exit_2") == (-1, 1)
    assert range_of_difference("val/rank_correlation/exit_1_then_exit_2") == (-2, 2)
    assert range_of_difference("test/oracle/mul_adds") == (None, None)


def test_ends_are_cut_and_nothing_else() -> None:
    assert [cut(end, (0, 1)) for end in (-0.1, 0.5, 1.1)] == [0, 0.5, 1]
    assert [cut(end, (0, None)) for end in (-3.0, 3.0)] == [0, 3]
    rate, cost = (metric_estimate(metric, [0.1, 0.8]) for metric in ("test/accuracy/last", "test/oracle/mul_adds"))
    assert (rate.mean, rate.low, rate.high) == (0.45, 0, 1)
    assert cost.high == pytest.approx(0.45 + 12.7062 * 0.35, abs=1e-4)
    assert metric_estimate("test/accuracy/last", [0.4]) == (1, 0.4, None, None, None, None)


def test_no_output_leaves_what_a_rate_can_be() -> None:
    """JSON had [-4.0, 4.9] where the table showed [0.0, 100.0]."""
    rows = with_differences(overthinking_rows(runs()), "short")
    last, found = "test/accuracy/last", json.loads(as_json(rows))["rows"]
    assert [(row["estimates"][last]["low"], row["estimates"][last]["high"]) for row in found] == [(0, 1), (0, 1)]
    difference = found[1]["differences"][last]
    assert (difference["low"], difference["high"]) == (-1, 1)
    record = list(csv.DictReader(io.StringIO(as_csv(rows))))[1]
    assert [float(record[f"{last}/{end}"]) for end in ("low", "high")] == [0, 1]
    assert [float(record[f"{last}/difference/{end}"]) for end in ("low", "high")] == [-1, 1]
    frame = overthink.over_seeds(frame_of(runs()), last)
    assert (frame["low"].tolist(), frame["high"].tolist()) == ([0, 0], [1, 1])
    assert "| Accuracy last exit | 45.00 ± 49.50 | n.d. |" in group_note(runs()[:2])
    assert "of all of them; each run also has its own." in group_note(runs()[:2])
    assert "n = 1 finished run (seed " in group_note(runs()[:1])
