"""Rows of a study: one an arm, runs in several of them."""

import json
from dataclasses import replace

import pytest

from overthink.comparison.arms import are_of_several_arms, in_arms, with_primary_arms
from overthink.comparison.frame import frame_of, over_seeds
from overthink.comparison.overthinking import overthinking_rows
from overthink.comparison.paired import with_differences
from overthink.report.tables import OVERTHINKING, group_cell
from overthink.store import tags
from overthink.store.stored import StoredRun
from support.stored_runs import parent, stored

ARMS = {"all": "0:3", "none": "0 0-repeat1 0-repeat2"}


def study() -> list[StoredRun]:
    group = parent("0:3 0-repeat1 0-repeat2", more={tags.ARMS: json.dumps(ARMS)})
    runs = [stored(seed, last=last) for seed, last in (("0", 0.5), ("1", 0.6), ("2", 0.7), ("0-repeat1", 0.5))]
    return [group, *runs]


def test_a_row_an_arm_with_the_shared_run_in_each() -> None:
    every, none = overthinking_rows(study())
    assert (every.group, every.finished) == ("quickstart: short / all", ("0", "1", "2"))
    assert (none.group, none.finished) == ("quickstart: short / none", ("0",))
    assert [gap.seed for gap in none.gaps] == ["0-repeat2"]
    assert not every.gaps


def test_a_study_is_folded_to_the_arm_that_its_own_numbers_are_over() -> None:
    every = overthinking_rows(study())[0]
    (folded,) = overthinking_rows(with_primary_arms(study()))
    assert (folded.group, folded.finished, folded.estimates) == (every.group, every.finished, every.estimates)
    assert (folded.of_arms, folded.gaps) == (2, ())
    assert group_cell(folded)[-1] == "1 of 2 arms"
    said = OVERTHINKING.caption([folded])
    assert (
        "Of each study, only the arm that its own numbers are over is shown (quickstart); --all shows each arm." in said
    )
    controls = [replace(study()[0], arms={"none": study()[0].arms["none"], "again": study()[0].arms["none"]})]
    assert with_primary_arms(controls) == controls, "none of them stands for the study"
    asked = parent("0-repeat1", "g2", variant="own", more={tags.DEFINITION: "other"})
    both = with_primary_arms([replace(asked, group_key="g1"), *study()])
    assert [row.finished for row in overthinking_rows(both)] == [("0-repeat1",), ("0", "1", "2")], (
        "it is asked for, too"
    )


def test_runs_that_repeat_one_training_are_one_observation() -> None:
    """Six equal runs are no sample of six, and have no interval; the run that stands for them is repeat 0."""
    labels = ["0-repeat3", "0", *(f"0-repeat{number}" for number in (1, 2, 4, 5))]
    group = parent(" ".join(labels), more={tags.ARMS: json.dumps({"none": " ".join(labels)})})
    runs = [stored(seed, last=0.5, started_ms=place) for place, seed in enumerate(labels)]
    (row,) = overthinking_rows([group, *runs])
    assert row.estimates["test/accuracy/last"] == (1, 0.5, None, None, None, None)
    assert (row.finished, row.asked, row.values["test/accuracy/last"]) == (("0",), 1, (0.5,))
    assert row.run_ids == ("run-g1-0-1",)
    assert set(row.repeats) == {*labels} - {"0"}
    assert not row.repeats_differ
    (other,) = overthinking_rows([group, *runs[:-1], stored(labels[-1], last=0.4)])
    assert other.repeats_differ


def test_the_frame_counts_repeats_once() -> None:
    frame = frame_of(in_arms(study()))
    table = over_seeds(frame, "test/accuracy/last").set_index("arm")
    assert table["n"].to_dict() == {"all": 3, "none": 1}
    assert table["repeats"].to_dict() == {"all": 0, "none": 1}
    assert table.loc["all", "mean"] == pytest.approx(0.6)
    assert table["std"].isna().to_dict() == {"all": False, "none": True}


def test_an_interval_says_what_it_holds_fixed() -> None:
    init = ["0", "split0-init1-order0-augment0", "split0-init2-order0-augment0"]
    arms = {"init": " ".join(init), "all": "0:3", "none": "0 0-repeat1"}
    group = parent(" ".join({*init, "1", "2", "0-repeat1"}), more={tags.ARMS: json.dumps(arms)})
    runs = [group, *(stored(seed) for seed in (*init, "1", "2", "0-repeat1"))]
    rows = {row.group.rpartition(" ")[2]: row for row in overthinking_rows(runs)}
    assert {arm: row.fixed for arm, row in rows.items()} == {
        "init": ("split", "order", "augment"),
        "all": (),
        "none": (),
    }
    table = over_seeds(frame_of(in_arms(runs)), "test/accuracy/last").set_index("arm")
    assert table["fixed"].to_dict() == {"init": "split order augment", "all": "", "none": ""}


def test_two_arms_do_not_differ_in_the_run_that_they_share() -> None:
    """Repeat 0 is one run, in both arms: no pair. So are all runs that two experiments ask for."""
    alone, control = with_differences(overthinking_rows(study()), "short / all")
    assert (alone.differences, control.differences) == ({}, {})
    assert (control.same_runs, alone.same_runs) == (("0",), ())
    said = OVERTHINKING.caption([alone, control])
    assert "their runs with the baseline's seeds are the baseline's own: quickstart: short / none." in said
    assert "Δ" not in said
    every, *_ = with_differences(overthinking_rows([*study(), parent("0:2", started_ms=9)]), "short")
    assert (every.differences, every.same_runs) == ({}, ("0", "1"))


def test_a_pair_of_the_same_run_is_left_out_of_a_difference() -> None:
    one, two = (
        replace(overthinking_rows([stored(seed, last=last, group=group) for seed, last in runs])[0], group=group)
        for group, runs in (("a", (("0", 0.5), ("1", 0.6))), ("b", (("0", 0.7), ("1", 0.8))))
    )
    shared = replace(two, run_ids=(one.run_ids[0], two.run_ids[1]))
    _, compared = with_differences([replace(one, short_name="a"), replace(shared, short_name="b")], "a")
    difference = compared.differences["test/accuracy/last"]
    assert difference.mean == pytest.approx(0.2)
    assert (difference.n, compared.same_runs) == (1, ("0",))
    assert "Seed 0 is the same run in both, so no pair." in OVERTHINKING.caption([compared])


def test_an_experiment_that_asks_for_some_of_the_same_runs_keeps_its_row() -> None:
    other = parent("0:2", started_ms=9)
    rows = overthinking_rows([*study(), other])
    assert [(row.group, row.finished) for row in rows] == [
        ("quickstart: short / all", ("0", "1", "2")),
        ("quickstart: short / none", ("0",)),
        ("quickstart: short", ("0", "1")),
    ]


def test_repeats_of_a_study_are_no_independent_seeds() -> None:
    """Pooled, a study has no part; a run that another experiment asks for, too, counts there and is not missing."""
    other = parent("0:2", started_ms=9)
    other = replace(other, definition="plain")
    for by, name in (("regime", "4 joint"), ("dataset", "max-min-mnist"), ("definition", "plain")):
        (row,) = overthinking_rows([*study(), other], by)
        assert (row.group, row.finished, row.gaps) == (name, ("0", "1"), ())
        assert overthinking_rows(study(), by) == []


def test_a_run_counts_for_every_definition_that_asks_for_it() -> None:
    """Whoever trained it: here `quickstart` both, of which `plain` asks for one, and for one that nobody has run."""
    plain = parent("1:3", started_ms=9)
    plain = replace(plain, definition="plain")
    rows = overthinking_rows([parent("0:2"), stored("0"), stored("1"), plain], "definition")
    assert [(row.group, row.finished, [gap.seed for gap in row.gaps]) for row in rows] == [
        ("quickstart", ("0", "1"), []),
        ("plain", ("1",), ["2"]),
    ]


def test_runs_of_several_arms_are_no_sample() -> None:
    arms = {tags.ARMS: json.dumps(ARMS)}
    zero, one, again = (stored(seed, more=arms) for seed in ("0", "1", "0-repeat1"))
    assert not are_of_several_arms([zero, one])
    assert not are_of_several_arms([zero, again])
    assert are_of_several_arms([zero, one, again])
    assert not are_of_several_arms([one, stored("7")])  # another experiment asks for more seeds
    assert are_of_several_arms([stored("0"), one, again])  # ... and has trained repeat 0


def test_a_tag_that_somebody_else_wrote_makes_no_arms() -> None:
    for text in ("[1]", "{", "3", "null"):
        assert parent("0", more={tags.ARMS: text}).arms == {}


def test_a_study_whose_arms_cannot_be_read_is_not_pooled_with_another_experiment() -> None:
    """Its runs know their arms; a group that shares their key keeps its row and its numbers."""
    other = parent("0 7")
    damaged = parent("0:3 0-repeat1 0-repeat2", started_ms=9, more={tags.ARMS: json.dumps(ARMS | {"all": ["0:3"]})})
    damaged = replace(damaged, definition="study")
    runs = [stored(seed, last=0.5, more={tags.ARMS: json.dumps(ARMS)}) for seed in ("0", "1", "2", "0-repeat1")]
    rows = overthinking_rows([damaged, *runs, other, stored("7", last=0.9)])
    found = {row.group: row.finished for row in rows}
    assert found["quickstart: short / all"] == ("0", "1", "2")
    assert found["quickstart: short / none"] == ("0",)
    assert found["quickstart: short"] == ("0", "7")
    assert "tag overthink.arms" in damaged.problem
