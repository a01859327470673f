import numpy as np
import pytest

from overthink.data.splits import split_validation


def test_parts_are_disjoint_complete_and_of_the_asked_size() -> None:
    split = split_validation(10, 0.2, np.random.default_rng(0))
    assert len(split.validation_N) == 2
    assert sorted([*split.train_N, *split.validation_N]) == list(range(10))


def test_the_same_seed_gives_the_same_split() -> None:
    one, two, other = (split_validation(50, 0.2, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert (one.validation_N == two.validation_N).all()
    assert (one.validation_N != other.validation_N).any()


@pytest.mark.parametrize("fraction", [0.001, 0.999])
def test_an_empty_part_is_refused(fraction: float) -> None:
    with pytest.raises(ValueError, match="one part empty"):
        split_validation(10, fraction, np.random.default_rng(0))
