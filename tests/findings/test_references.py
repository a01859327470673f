"""References: which part of an answer they mean, and what is said of those that mean none."""

import re
from typing import Any

import pytest
from findings.errors import FindingsError
from findings.references import Number, resolved

GROUP = "0123456789abcdef0123456789abcdef"
ANSWERS: dict[str, Any] = {
    "table": {
        "rows": [
            {
                "short_name": "short",
                "run_ids": ["a1", "b2"],
                "estimates": {"test/accuracy/last": {"n": 2, "mean": 0.5, "std": 0.1, "low": 0.4, "high": 0.6}},
            },
            {"short_name": "long", "run_ids": ["c3"], "estimates": {}},
        ]
    },
    "study": [
        {
            "group": GROUP,
            "arms": {"all": {"runs": ["d4", "e5", "f6"], "repeats": 3, "depth": [0.25, None]}},
            "forks": {
                "later": {"trunks": 4, "epochs": [{"epoch": 0, "rate": {"value": 0.2, "low": 0.1, "high": 0.3}}]}
            },
        }
    ],
    "course": {
        "run_id": GROUP,
        "group": "forks: short",
        "runs": ["d4", "e5"],
        "numbers": [
            {"of": "stage_1", "number": "first", "value": 0.1, "low": None, "high": None},
            {"of": "stage_1", "number": "last", "value": 0.2, "low": None, "high": None},
        ],
    },
    "labels": {"run_id": GROUP, "ceiling": {"trainings": 6.0, "excess": 0.1, "excess/low": 0.0, "excess/high": 0.2}},
}


@pytest.mark.parametrize(
    "reference, number",
    [
        ("table > rows > short > estimates > test/accuracy/last", Number(0.5, 0.4, 0.6, 2, ("a1", "b2"), "")),
        ("table > rows > 1 > estimates > test/accuracy/last > std", Number(0.1, None, None, 2, ("a1", "b2"), "")),
        ("study > 1 > arms > all > depth > 1", Number(0.25, None, None, 3, ("d4", "e5", "f6"), GROUP)),
        ("study > 1 > forks > later > epochs > epoch=0 > rate", Number(0.2, 0.1, 0.3, 4, (), GROUP)),
        ("labels > ceiling > excess", Number(0.1, 0.0, 0.2, 6, (), GROUP)),
        ("course > numbers > of=stage_1, number=last", Number(0.2, None, None, 2, ("d4", "e5"), GROUP)),
    ],
)
def test_a_reference_means_a_number_and_the_runs_behind_it(reference: str, number: Number) -> None:
    assert resolved(reference, ANSWERS.__getitem__) == number


@pytest.mark.parametrize(
    "reference, said",
    [
        ("tabel > rows", "tabel > rows: no answer is called 'tabel'"),
        ("table > row", "table > row: there is no 'row'; did you mean 'rows'?"),
        ("table > rows > shrt", "0 of 2 elements are 'shrt'; did you mean 'short'?"),
        ("table > rows > 3", "0 of 2 elements are '3'"),
        ("course > numbers > of=stage_1", "2 of 2 elements are 'of=stage_1'"),
        ("table > rows > short", "this is no number; it has short_name, run_ids, estimates"),
        ("table > rows > short > short_name", "this is no number"),
        ("study > 1 > arms > all > depth > 2", "this is no number"),
        ("study > 1 > arms > all > repeats > n", "there is no 'n', since what it would be part of is 3"),
    ],
)
def test_a_reference_that_means_no_number_is_one_sentence(reference: str, said: str) -> None:
    with pytest.raises(FindingsError, match=re.escape(said)):
        resolved(reference, ANSWERS.__getitem__)
