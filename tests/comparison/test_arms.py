"""Rows of a study: one an arm, runs in several of them."""

import json
from dataclasses import replace

from comparison.stored import parent, stored
from overthink.comparison.arms import arms_of
from overthink.comparison.overthinking import overthinking_rows
from overthink.tracking import tags
from overthink.tracking.stored import StoredRun

ARMS = {"all": "0:3", "none": "0 0-repeat1 0-repeat2"}


def study() -> list[StoredRun]:
    group = parent("0:3 0-repeat1 0-repeat2")
    group = replace(group, tags=group.tags | {tags.ARMS: json.dumps(ARMS)})
    runs = [stored(seed, last=last) for seed, last in (("0", 0.5), ("1", 0.6), ("2", 0.7), ("0-repeat1", 0.5))]
    return [group, *runs]


def test_a_row_an_arm_with_the_shared_run_in_each() -> None:
    every, none = overthinking_rows(study())
    assert (every.group, every.finished) == ("quickstart: short / all", ("0", "1", "2"))
    assert (none.group, none.finished) == ("quickstart: short / none", ("0", "0-repeat1"))
    assert [gap.seed for gap in none.gaps] == ["0-repeat2"]
    assert not every.gaps
    assert none.estimates["test/accuracy/last"].std == 0


def test_an_experiment_that_asks_for_some_of_the_same_runs_keeps_its_row() -> None:
    other = parent("0:2", started_ms=9)
    rows = overthinking_rows([*study(), other])
    assert [(row.group, row.finished) for row in rows] == [
        ("quickstart: short / all", ("0", "1", "2")),
        ("quickstart: short / none", ("0", "0-repeat1")),
        ("quickstart: short", ("0", "1")),
    ]


def test_a_tag_that_somebody_else_wrote_makes_no_arms() -> None:
    for text in ("[1]", "{", "3", "null"):
        group = parent("0")
        assert arms_of(replace(group, tags=group.tags | {tags.ARMS: text})) == {}
