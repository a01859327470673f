from typing import Any

import pytest

from overthink.networks.collaboration_spec import CollaborationSpec
from overthink.training.losses import JointLossSpec, OfaLossSpec, RisingLossSpec
from overthink.training.regime import Phase, check_regime, regime_label, total_epochs


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


ISC = CollaborationSpec(kind="isc")
OFA = OfaLossSpec(kind="ofa")


def test_what_a_phase_adds_is_part_of_the_words() -> None:
    tuned = Phase(epochs=50, attach=ISC, loss=OFA)
    assert regime_label((Phase(epochs=50), tuned)) == "50 joint + 50 isc+ofa"
    frozen = Phase(epochs=5, attach=ISC, freeze="backbone")
    assert (
        regime_label((Phase(epochs=9, gradient_equilibrium=True), frozen)) == "9 joint+ge + 5 isc+joint+frozen-backbone"
    )


@pytest.mark.parametrize(
    "regime, said",
    [
        ((Phase(epochs=1, loss=OFA),), "regime.0.loss.teacher: previous"),
        ((Phase(epochs=1, freeze="backbone"),), "regime.0.freeze: backbone cannot be frozen in the first phase"),
        ((Phase(epochs=1, attach=ISC), Phase(epochs=1, attach=ISC)), "regime.1.attach: an earlier phase"),
        (
            (Phase(epochs=1), Phase(epochs=1, loss=OfaLossSpec(kind="ofa", weights=(1.0,)))),
            "regime.1.loss.weights has 1 numbers",
        ),
    ],
)
def test_phases_that_do_not_fit_are_named(regime: tuple[Phase, ...], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        check_regime(regime, 5)


def test_one_exit_has_nobody_to_be_connected_to() -> None:
    with pytest.raises(ValueError, match=r"regime.0.attach: connections lead from exit to exit"):
        check_regime((Phase(epochs=1, attach=ISC),), 1)


def test_a_first_phase_may_learn_from_its_own_last_exit() -> None:
    check_regime((Phase(epochs=1, attach=ISC, loss=OfaLossSpec(kind="ofa", teacher="own")),), 5)


def phase(**how: Any) -> Phase:
    return Phase(**({"epochs": 1} | how))


@pytest.mark.parametrize(
    "regime, n_exits, said",
    [
        ((phase(exits="last"),), 1, "regime.0.exits: last of one exit"),
        ((phase(), phase(exits="earlier", attach=ISC)), 5, "regime.1.exits: earlier is not possible with connections"),
        ((phase(attach=ISC), phase(exits="last")), 5, "regime.1.exits: last is not possible with connections"),
        ((phase(exits="last", gradient_equilibrium=True),), 5, "regime.0.gradient_equilibrium: it balances all exits"),
        (
            (phase(exits="last", loss=JointLossSpec(kind="joint", weights=(1.0, 0.0))),),
            2,
            r"regime.0.loss.weights: the exits that learn \(last\) need a weight above 0",
        ),
        (
            (phase(loss=RisingLossSpec(kind="rising")),),
            1,
            "regime.0.loss.kind: rising weighs the exits before the last",
        ),
        (
            (phase(loss=RisingLossSpec(kind="rising", until=(0.5,))),),
            3,
            "regime.0.loss.until has 1 numbers, but the network has 2 exits before its last",
        ),
    ],
)
def test_phases_of_some_exits_that_do_not_fit_are_named(regime: tuple[Phase, ...], n_exits: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        check_regime(regime, n_exits)


def test_phases_of_some_exits_in_words() -> None:
    alone = phase(epochs=25, exits="earlier", freeze="backbone", optimiser="adam")
    assert (
        regime_label((phase(epochs=100, exits="last"), alone))
        == "100 joint+last-exit + 25 joint+earlier-exits+adam+frozen-backbone"
    )
    check_regime((phase(exits="last"), alone), 2)
    assert phase().model_dump(exclude_defaults=True) == {"epochs": 1}  # keys of runs stay as they were
