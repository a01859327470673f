import pytest

from overthink.training.regime import Phase, regime_label, total_epochs


def test_the_thesis_schedule_by_hand() -> None:
    phase = Phase(epochs=200, drops=(75, 150))
    assert [phase.lr_at(epoch) for epoch in (0, 74, 75, 149, 150, 199)] == pytest.approx(
        [0.1, 0.1, 0.01, 0.01, 0.001, 0.001]
    )


def test_a_regime_in_words() -> None:
    regime = (Phase(epochs=50), Phase(epochs=50))
    assert regime_label(regime) == "50 joint + 50 joint"
    assert total_epochs(regime) == 100


@pytest.mark.parametrize("drops", [(3, 2), (2, 2), (5,)])
def test_drops_ascend_and_lie_inside(drops: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="drops must ascend"):
        Phase(epochs=5, drops=drops)
