"""Verdicts with a noise ceiling: one rule, from one number, and sentences that say no more."""

import pytest

from overthink.policy.verdict import Ceiling, Verdict, ceiling, ceiling_sentence

LEARNED: Verdict = "learned"
INFORMATIVE: Verdict = "informative"


def metrics(excess: float, low: float | None, trainings: int = 3, **more: float) -> dict[str, float]:
    found = {"trainings": trainings, "excess": excess, "majority/accuracy": 0.55, "another/accuracy": 0.5}
    interval = {} if low is None else {"excess/low": low, "excess/high": 2 * excess - low}
    return {
        f"policy/ceiling/{name}": value for name, value in (found | {"another/kappa": 0.2} | interval | more).items()
    }


@pytest.mark.parametrize(
    "found, state, words",
    [
        (metrics(0.04, 0.01), "above the constant", "not shown to have learned that."),
        (metrics(0.04, -0.01), "not shown to be above the constant", "this test cannot decide."),
        (metrics(-0.04, -0.08), "not shown to be above the constant", "this test cannot decide."),
        (metrics(0.04, 0.0), "not shown to be above the constant", "this test cannot decide."),
        (metrics(0.04, None, 2), "unknown", "An interval needs three of them"),
    ],
)
def test_one_number_decides(found: dict[str, float], state: Ceiling, words: str) -> None:
    assert ceiling(found) == state
    assert words in ceiling_sentence(found, [INFORMATIVE, LEARNED])
    assert words not in ceiling_sentence(found, [LEARNED])  # the question does not arise
    assert "the majority of the other trainings' labels is right 55.00%" in ceiling_sentence(found)


def test_numbers_of_the_sentence() -> None:
    said = ceiling_sentence(metrics(0.0123, -0.02))
    assert "+1.23 points from the best constant answer on the same samples ([-2.00, +4.46] over 3 trainings of" in said
    assert "another training's labels 50.00%, kappa 0.20." in said
    assert "(no interval from 2 trainings of the main network)" in ceiling_sentence(metrics(0.01, None, 2))


def test_what_is_unknown() -> None:
    assert ceiling_sentence({}) == ""
    alone = {"policy/ceiling/trainings": 1.0}
    assert ceiling(alone) == "unknown"
    assert ceiling_sentence(alone, [INFORMATIVE]) == "Noise ceiling unknown: 1 training of the main network."
    sets = {"policy/ceiling/trainings": 1.0, "policy/ceiling/averaged": 3.0}
    assert "1 set of 3 trainings" in ceiling_sentence(sets)
