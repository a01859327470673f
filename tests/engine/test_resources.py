import pytest
from hypothesis import given
from hypothesis import strategies as st

from overthink.engine.resources import Resources, parse_resources


@pytest.mark.parametrize(
    "text, expected",
    [
        ("cpu=1", Resources(1, 0)),
        ("gpu=0.25,cpu=1", Resources(1, 0.25)),
        ("gpu=2", Resources(1, 2)),
        ("cpu=0.5,tpu=1,disk=10", Resources(0.5, 0, (("disk", 10), ("tpu", 1)))),
    ],
)
def test_what_is_written_is_meant_and_can_be_written_again(text: str, expected: Resources) -> None:
    assert parse_resources(text) == expected
    assert parse_resources(str(expected)) == expected


@pytest.mark.parametrize(
    "text, why",
    [
        ("gpu", "expected NAME=AMOUNT"),
        ("gpu=", "expected NAME=AMOUNT"),
        ("gpu=-1", "expected NAME=AMOUNT"),
        ("gpu=1e3", "expected NAME=AMOUNT"),
        ("gpu=1;rm", "expected NAME=AMOUNT"),
        ("", "expected NAME=AMOUNT"),
        ("gpu=1,gpu=2", "gpu is there twice"),
        ("gpu=1.5", "part of one GPU, or whole ones"),
        ("cpu=0", "takes nothing"),
    ],
)
def test_what_is_wrong_is_said(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_resources(text)


def test_the_scarcest_decides() -> None:
    assert Resources(1, 0.25).room({"cpu": 16, "gpu": 2}) == 8
    assert Resources(4, 0.25).room({"cpu": 16, "gpu": 2}) == 4
    assert Resources(1, 0.25).room({"cpu": 16}) == 0
    assert Resources(1, 0, (("tpu", 1),)).room({"cpu": 16, "tpu": 3}) == 3
    assert Resources(0, 0.5).room({"gpu": 1}) == 2


@given(st.integers(1, 100), st.integers(1, 8))
def test_fractions_of_a_gpu_add_up(parts: int, gpus: int) -> None:
    """As many runs fit as were counted, and one more does not, whatever floats make of it."""
    share = float(f"{1 / parts:.4f}")
    room = Resources(0, share).room({"gpu": gpus})
    assert round(room * share, 3) <= gpus
    assert (room + 1) * share > gpus
