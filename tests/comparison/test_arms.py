"""Rows of a study: one an arm, runs in several of them."""

import json
from dataclasses import replace

from overthink.comparison.overthinking import overthinking_rows
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


def test_a_tag_that_somebody_else_wrote_makes_no_arms() -> None:
    for text in ("[1]", "{", "3", "null"):
        assert parent("0", more={tags.ARMS: text}).arms == {}
