import pytest
from hypothesis import example, given, reject
from hypothesis import strategies as st

from overthink.execution.resources import Resources, parse_resources


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
        ("CPU=1", "write cpu, not CPU"),
        ("Gpu=1,cpu=1", "write gpu, not Gpu"),
        ("memory=4", "memory is Ray's own"),
        ("object_store_memory=4", "object_store_memory is Ray's own"),
        ("bundle=1", "bundle is Ray's own"),
        ("node:10.0.0.1=1", "expected NAME=AMOUNT"),
    ],
)
def test_what_is_wrong_is_said(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_resources(text)


AMOUNTS = st.integers(0, 9_999_999_999).map(lambda parts: f"{parts // 10_000}.{parts % 10_000:04}")
NAMES = st.sampled_from(["cpu", "gpu"]) | st.from_regex(r"[A-Za-z][A-Za-z0-9_.-]{0,9}", fullmatch=True)


@given(st.dictionaries(NAMES, AMOUNTS, min_size=1, max_size=4))
@example({"x": "999999.9999", "cpu": "100000", "gpu": "0.0001"})
def test_whatever_is_read_can_be_written_and_read_again(amounts: dict[str, str]) -> None:
    try:
        read = parse_resources(",".join(f"{name}={amount}" for name, amount in amounts.items()))
    except ValueError:
        reject()
    assert parse_resources(str(read)) == read


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
