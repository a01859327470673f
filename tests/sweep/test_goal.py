import pytest

from overthink.sweep.goal import Constraint, Objective, over_seeds, value_at_epoch


def test_over_seeds_by_hand() -> None:
    """0.5, 0.6, 0.7: mean 0.6, deviation 0.1."""
    values = [0.5, 0.6, 0.7]
    assert over_seeds(values, "mean", "maximize") == pytest.approx(0.6)
    assert over_seeds(values, "mean-minus-std", "maximize") == pytest.approx(0.5)
    assert over_seeds(values, "mean-minus-std", "minimize") == pytest.approx(0.7)
    assert over_seeds(values, "worst", "maximize") == 0.5
    assert over_seeds(values, "worst", "minimize") == 0.7
    assert over_seeds([0.4], "mean-minus-std", "maximize") == 0.4


@pytest.mark.parametrize(
    "metric, goal",
    [
        ("val/accuracy/last", "maximize"),
        ("val/overthinking/any_later", "minimize"),
        ("network/mul_adds/exit_2", "minimize"),
        ("labels/balance", "maximize"),
        ("labels/left_out", "minimize"),
        ("val/policy/balanced_accuracy", "maximize"),
    ],
)
def test_a_metric_knows_which_way_is_better(metric: str, goal: str) -> None:
    assert Objective(metric=metric).goal == goal


def test_where_neither_way_is_better_one_must_be_said() -> None:
    with pytest.raises(ValueError, match=r"val/confusion/mean has no default direction"):
        Objective(metric="val/confusion/mean").goal  # noqa: B018
    assert Objective(metric="val/confusion/mean", direction="minimize").goal == "minimize"


def test_bounds_by_hand() -> None:
    most, least = (
        Constraint(metric="val/overthinking/final", at_most=0.2),
        Constraint(metric="val/accuracy/last", at_least=0.5),
    )
    assert most.excess([0.1, 0.2]) == pytest.approx(-0.05)
    assert most.excess([0.3, 0.3]) == pytest.approx(0.1)
    assert least.excess([0.6, 0.6]) == pytest.approx(-0.1)
    assert least.excess([0.3, 0.5]) == pytest.approx(0.1)
    worst = Constraint(metric="val/accuracy/last", at_least=0.5, over_seeds="worst")
    assert worst.excess([0.9, 0.4]) == pytest.approx(0.1)


@pytest.mark.parametrize("bounds", [{}, {"at_most": 1.0, "at_least": 0.0}])
def test_a_constraint_has_one_bound(bounds: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="either at_most or at_least"):
        Constraint.model_validate({"metric": "val/accuracy/last", **bounds})


def test_what_an_epoch_says() -> None:
    epoch = [0.2, 0.4, 0.9]
    assert value_at_epoch("val/accuracy/last", epoch) == 0.9
    assert value_at_epoch("val/accuracy/exit_2", epoch) == 0.4
    assert value_at_epoch("val/accuracy/mean", epoch) == pytest.approx(0.5)
    assert value_at_epoch("val/policy/accuracy", [0.3]) == 0.3
    assert value_at_epoch("val/overthinking/final", epoch) is None


def test_a_bound_that_is_met_to_the_digit_is_kept() -> None:
    """Means over seeds miss it by a rounding: three times 0.7 is less than 2.1."""
    assert Constraint(metric="val/accuracy/last", at_least=0.7).excess([0.7] * 3) == 0
    assert Constraint(metric="val/accuracy/last", at_least=0.9).excess([0.85, 0.95]) == 0
    assert Constraint(metric="val/accuracy/last", at_most=0.3).excess([0.1 + 0.2]) == 0
    assert Constraint(metric="val/accuracy/last", at_least=0.7).excess([0.7 - 1e-9]) > 0
