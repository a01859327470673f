"""Conditions select what they say, and what is no condition is a sentence."""

import pytest

from overthink.comparison.named_values import groups_reduced, known_names, meeting, sorted_by, value_of
from overthink.comparison.where import DEEPEST, parse
from overthink.store import tags
from support.stored_runs import parent, stored

VALUES: dict[str, str | float] = {
    "growth": "8",
    "lr": "1e-1",
    "loss": "joint",
    "name": "a and b",
    "acc": 0.5,
    "nan": float("nan"),
    "flip": "",
}


def value(name: str) -> str | float | None:
    return VALUES.get(name)


@pytest.mark.parametrize(
    "text, met",
    [
        ("growth=8", True),
        ("growth=8.0", True),
        ("growth != 8", False),
        ("lr<0.2", True),
        ("lr >= 0.1 and lr <= 0.1", True),
        ("acc>0.5", False),
        ("loss=joint", True),
        ("loss='joint'", True),
        ("loss!=isc", True),
        ("loss<3", False),
        ("loss<k", True),
        ('name="a and b"', True),
        ("'name'='a and b'", True),
        ("flip=''", True),
        ("absent=1", False),
        ("absent!=1", False),
        ("nan=1", False),
        ("nan<1 or nan>=1", False),
        # `and` binds closer
        ("growth=8 or loss=isc and acc>1", True),
        ("(growth=8 or loss=isc) and acc>1", False),
        ("loss=isc AND acc>1 OR growth=8", True),
        ("((growth=8))", True),
    ],
)
def test_conditions(text: str, met: bool) -> None:
    assert parse(text).meets(value) is met


@pytest.mark.parametrize(
    "text, said",
    [
        ("", "expected a name, got nothing"),
        ("growth", "expected one of = != < <= > >= after 'growth', got nothing"),
        ("growth 8", "expected one of = != < <= > >= after 'growth', got 8"),
        ("growth=", "expected a value after 'growth=', got nothing"),
        ("growth==8", "expected a value after 'growth=', got ="),
        ("growth=8 lr=1", "expected and, or, or the end after 'growth=8', got lr"),
        ("growth=8 and", "expected a name after 'growth=8 and', got nothing"),
        ("and=1", "expected a name, got and"),
        ("(growth=8", "expected and, or, or ) after '(growth=8', got nothing"),
        ("growth=8)", "expected and, or, or the end after 'growth=8', got )"),
        ("name='a", "expected a value after 'name=', got 'a, with a quote that is not closed"),
        ("growth ! 8", "after 'growth', got ! 8"),
        ("__import__('os').system('true')", "expected one of = != < <= > >="),
        ("(" * (DEEPEST + 1) + "a=1", "more than 50 parentheses"),
    ],
)
def test_what_is_no_condition_is_a_sentence(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=r"expected|more than") as raised:
        parse(text)
    assert said in str(raised.value)


RUNS = [
    parent("0 1 2"),
    stored("0", last=0.5, started_ms=1_000),
    stored("1", last=0.7, started_ms=2_000),
    parent("5", group="g2", variant="long"),
]


def test_what_runs_have() -> None:
    run = RUNS[1]
    assert [value_of(run, name) for name in ("seed", "status", "dataset")] == ["0", "finished", "max-min-mnist"]
    assert value_of(run, "accuracy/last") == value_of(run, "test/accuracy/last") == 0.5
    assert value_of(run, "duration") == 0.001
    assert value_of(run, "no such name") is None
    assert {"kernels", "accuracy/last", "test/accuracy/last"} <= set(known_names(RUNS))
    assert [one.seeds_label for one in meeting(RUNS, parse("kind=run and accuracy/last>0.6"))] == ["1"]


def test_sorted() -> None:
    runs = [run for run in RUNS if not run.is_group] + [stored("2", tags.FAILED)]
    assert [run.seeds_label for run in sorted_by(runs, "accuracy/last")] == ["0", "1", "2"]
    assert [run.seeds_label for run in sorted_by(runs, "-accuracy/last")] == ["1", "0", "2"]
    assert [run.seeds_label for run in sorted_by(runs, "-status")] == ["1", "0", "2"]


def test_a_group_asks_for_the_runs_that_meet_a_condition_alone() -> None:
    (group, run) = groups_reduced(RUNS, parse("seed=1"))
    assert (group.seeds_label, run.seeds_label) == ("1", "1")
    first, *_, alone = groups_reduced(RUNS, parse("definition=quickstart"))
    assert (first.seeds_label, alone.seeds_label) == ("0:3", "5")  # what is missing is still missing
    assert groups_reduced(RUNS, parse("accuracy/last>0.9")) == []
