"""Runs by several kernels, or instruction sets: told apart, and never averaged without a word."""

from dataclasses import replace

import pytest

from overthink.comparison.frame import frame_of, over_seeds
from overthink.comparison.kernels import computed_by, different_kernels, named_apart
from overthink.comparison.overthinking import overthinking_rows
from overthink.report.notes import group_note
from overthink.report.studies import study_of
from overthink.report.table_files import as_csv, as_markdown
from overthink.report.tables import OVERTHINKING
from overthink.store import tags
from overthink.store.stored import StoredRun
from support.stored_runs import parent, stored

NATIVE = {tags.KERNELS: "native"}


def by_native(seed: str, instruction_set: str = "x86-64-v4", group: str = "g2") -> StoredRun:
    return stored(seed, group=group, more=NATIVE | {tags.INSTRUCTION_SET: instruction_set})


def test_what_computed_runs() -> None:
    runs = [stored("0"), stored("1", more={tags.INSTRUCTION_SET: "AVX2"}), by_native("2"), by_native("3", "x86-64-v3")]
    assert computed_by(runs) == {
        "torch (AVX2)": ("0", "1"),
        "native (x86-64-v4)": ("2",),
        "native (x86-64-v3)": ("3",),
    }
    assert computed_by([by_native("0", ""), by_native("1"), by_native("2", "neon")]) == {
        "native (not logged)": ("0",),
        "native (x86-64-v4)": ("1",),
        "native (neon)": ("2",),
    }
    assert different_kernels("g", computed_by([stored("0"), stored("1")])) == ""


def test_a_group_of_either_kernels_is_a_row_of_its_own() -> None:
    runs = [stored("0"), stored("1"), by_native("0"), by_native("1")]
    params = [{"network.growth": "4"}, {"network.growth": "4", "kernels": "native"}]
    named = [replace(run, params=params[run.kernels == "native"]) for run in runs]
    rows = overthinking_rows(named)
    assert [(row.group, row.kernels, len(row.finished)) for row in rows] == [
        ("quickstart: short [kernels=torch]", ("torch",), 2),
        ("quickstart: short [kernels=native]", ("native",), 2),
    ]
    assert "DIFFERENT" not in OVERTHINKING.caption(rows)
    table = as_markdown(rows).splitlines()
    assert table[0].startswith("| Group | Kernels | n |")
    assert "| torch |" in table[2]
    assert "| native |" in table[3]
    assert [row.split(",")[3] for row in as_csv(rows).splitlines()] == ["kernels", "torch", "native"]
    assert as_markdown(rows[:1]).startswith("| Group | n |")


def test_several_instruction_sets_in_a_group_are_named() -> None:
    rows = overthinking_rows([by_native("0"), by_native("1", "x86-64-v3"), by_native("2")])
    assert OVERTHINKING.caption(rows).count("DIFFERENT KERNELS") == 1
    assert (
        "DIFFERENT KERNELS in quickstart: short: seed 0, 2 by native (x86-64-v4); seed 1 by native (x86-64-v3) "
        "(what computed a run, and its instruction set). Its numbers are not means over seeds alone."
    ) in OVERTHINKING.caption(rows)
    assert "different kernels: see below" in as_markdown(rows)


def test_the_description_of_a_group_says_so() -> None:
    runs = [by_native("0"), by_native("1", "x86-64-v3")]
    assert "DIFFERENT KERNELS in this group: seed 0 by native (x86-64-v4); seed 1" in group_note(runs)
    assert "DIFFERENT" not in group_note(runs[:1])


def test_a_row_of_groups_that_mixes_kernels_says_so() -> None:
    (row,) = overthinking_rows([stored("0"), by_native("0")], by="network")
    assert row.kernels == ("torch", "native")
    said = OVERTHINKING.caption([row])
    assert "seed 0 of quickstart: short #g1 by torch; seed 0 of quickstart: short #g2 by native (x86-64-v4)" in said


def test_a_study_that_mixes_instruction_sets_says_so() -> None:
    runs = [by_native("0"), by_native("1", "x86-64-v3")]
    assert "DIFFERENT KERNELS in g2 0 1" in study_of(parent("0 1", group="g2"), runs).kernels_warning
    assert study_of(parent("0", group="g2"), runs).kernels_warning == ""


def test_names_say_the_kernels_where_runs_of_both_have_one_name() -> None:
    one, other, alone = (
        replace(run, name=name)
        for run, name in zip((stored("0"), by_native("0"), by_native("1")), ("a", "a", "b"), strict=True)
    )
    assert [run.name for run in named_apart([one, other, alone])] == ["a [kernels=torch]", "a [kernels=native]", "b"]
    assert [run.name for run in named_apart([one, one])] == ["a", "a"]


@pytest.mark.parametrize("second, same", [("x86-64-v4", True), ("x86-64-v3", False), ("", True)])
def test_frames_have_kernels(second: str, same: bool) -> None:
    frame = frame_of([by_native("0"), by_native("1", second)])
    assert frame["kernels"].tolist() == ["native", "native"]
    table = over_seeds(frame, "test/accuracy/last", interval="seeds", store="sqlite:///nowhere.db")
    assert table[["kernels", "same_kernels", "n"]].values.tolist() == [["native", same, 2]]
