import time

import numpy as np
import pytest

from overthink.predictions.arrays import BoolArray
from overthink.report.study_page import study_page
from overthink.report.study_table import arms_grid
from overthink.statistics.jackknife import Interval
from overthink.study.findings import Findings, findings
from overthink.study.verdict import primary_arm_of, verdict
from support.repeats import by_difficulty, independent, predictions, tied
from support.worlds import WORLDS, predictions_of


def found(correct_REN: BoolArray) -> Findings:
    return findings(predictions(correct_REN))


def of_world(name: str, repeats: int = 8, n: int = 3000) -> Findings:
    random = np.random.default_rng(0)
    return findings(predictions_of(WORLDS[name](n, random).margins(repeats, random)))


def test_results_of_one_arm() -> None:
    correct_REN = by_difficulty(5, 200)
    one = found(correct_REN)
    assert (one.repeats, one.samples, one.same) == (5, 200, False)
    assert [exit.mean.value for exit in one.accuracy_E] == pytest.approx(correct_REN.mean(axis=(0, 2)).tolist())
    assert one.oracle.mean.value == pytest.approx(correct_REN.any(axis=1).mean())
    assert one.oracle_transfer.oracle.value == pytest.approx(one.oracle.mean.value)
    assert one.final.times.sum() == 200
    assert len(one.error_share_E) == 3
    assert one.depth_RE is not None
    assert one.depth_RE.sum(axis=1) == pytest.approx(np.ones(5))


def test_repeats_must_be_of_one_kind() -> None:
    repeats = predictions(by_difficulty(3, 50))
    with pytest.raises(ValueError, match="different samples"):
        findings([*repeats, *predictions(by_difficulty(1, 60))])
    with pytest.raises(ValueError, match="3 and 2 exits"):
        findings([*repeats, *predictions(by_difficulty(1, 50, exits=2))])


@pytest.mark.parametrize(
    "world, words",
    [
        ("difficulty only", "averages out over trainings, and that anything stays is not shown"),
        ("no difficulty", "averages out over trainings, and that anything stays is not shown"),
        ("systematic quarter", "That averaging trainings lowers any-later overthinking is not shown"),
        (
            "tied exits",
            "No any-later overthinking was seen (95%: at most 0.12%) (arm all, 8 repeats, 3000 test samples).",
        ),
    ],
)
def test_the_answer_tells_worlds_apart(world: str, words: str) -> None:
    """Nine simulated worlds all got the same verdict once: an intraclass correlation below a half."""
    answer = verdict({"all": of_world(world)})[0]
    assert words in answer
    better = "For some samples an earlier exit is better in expectation"
    assert (better in answer) == (world == "systematic quarter")


def test_luck_of_an_oracle() -> None:
    """Where exits are tied, or always right early, an oracle is no luck at all."""
    tied = of_world("systematic quarter")
    assert tied.oracle_transfer.luck.value == 0
    assert "0.0 points [0.0, 0.1] of an oracle's accuracy are luck" in verdict({"all": tied})[0]
    luck = of_world("difficulty only").oracle_transfer.luck
    assert luck.low is not None
    assert luck.low > 0.1


def test_the_share_of_the_variance_is_never_alone() -> None:
    for name in WORLDS:
        for paragraph in verdict({"all": of_world(name, n=1000)}):
            if "stays with the sample" in paragraph:
                assert "plain errors of the last exit" in paragraph
                assert "in networks composed of different trainings" in paragraph
            assert "mostly" not in paragraph.lower() or "averages out" in paragraph


def test_words_for_difficulty_alone() -> None:
    text = " ".join(verdict({"all": found(by_difficulty(16, 3000))}))
    assert "no more than difficulty explains is shown" in text
    assert "No coupling between exits of one network is shown" in text
    assert "The thesis conjectures" in text


@pytest.mark.parametrize(
    "ratio, words",
    [
        (Interval(1.2, 1.1, 1.3), "The first of these is 1.20 [1.10, 1.30] times that of networks composed of exits"),
        (Interval(0.8, 0.7, 0.9), "same difficulty: less than difficulty alone would give"),
    ],
)
def test_what_real_networks_have_in_common_is_a_multiple_of_what_composed_ones_have(
    ratio: Interval, words: str
) -> None:
    """That composed ones "share less by a factor of 0.80" said the opposite of what was found."""
    one = found(by_difficulty(5, 200))
    assert one.composed is not None
    text = " ".join(verdict({"all": one._replace(composed=one.composed._replace(beyond_difficulty=ratio))}))
    assert words in text
    assert "less by a factor" not in text


def test_words_for_coins() -> None:
    text = " ".join(verdict({"all": found(independent(12, 2000, np.array([0.5, 0.6, 0.7])))}))
    assert "averages out over trainings" in text
    assert "it is not shown that some trainings overthink more than others" in text


def test_a_network_of_one_exit_cannot_overthink_by_definition() -> None:
    """Rates of 0 with an interval above 0 would say that another training might."""
    one = {"all": found(by_difficulty(4, 100, exits=1))}
    assert verdict(one) == [
        "A network of one exit cannot overthink: no exit comes before its last one (arm all, 4 repeats, 100 test "
        "samples)."
    ]
    ((_, _, _, any_later, final, averaged, _),) = arms_grid(one).rows
    assert (any_later, final, averaged) == ("-", "-", "-")
    page = study_page("one exit", one)
    assert "cannot overthink" in page
    assert "Plotly.newPlot" not in page.rpartition("</head>")[2]  # no figures of single dots


def test_no_interval_holds_what_is_impossible() -> None:
    one = found(by_difficulty(3, 60))
    wide = Interval(0.9, -0.64, 1.31)
    split = one.final.split._replace(sample_share=wide)
    recurs = one.final.recurrence._replace(lift=wide)  # type: ignore[union-attr]
    one = one._replace(final=one.final._replace(split=split, recurrence=recurs))
    words = " ".join(verdict({"all": one}))
    assert "90.0% [not determined] stays with the sample" in words
    assert "0.90 times [0.00, 1.31]" in words


def test_a_deviation_of_few_runs_is_not_determined() -> None:
    """In the table it is marked; JSON keeps its interval."""
    few, many = (arms_grid({"all": found(by_difficulty(repeats, 300))}).rows[0][3] for repeats in (3, 16))
    assert few.endswith("n.d.")
    assert "n.d." not in many
    assert "n.d.: so few runs do not determine it" in arms_grid({"all": found(by_difficulty(3, 60))}).caption


def test_words_for_tied_exits_and_for_too_few() -> None:
    assert "Exits of one network are coupled" in " ".join(verdict({"all": found(tied(8, 500))}))
    few = " ".join(verdict({"all": found(by_difficulty(2, 100))}))
    assert "Too few repeats to extrapolate" in few
    assert "2 trainings do not determine it" in few
    for claim in ("is not shown", "averages out", "luck of its own", "coupled", "better in expectation"):
        assert claim not in few  # no interval, no verdict


def test_a_control_never_speaks_for_a_study() -> None:
    """Without an arm `all`, the arm in which most varies speaks, wherever it stands; with controls alone, nobody."""
    whole = by_difficulty(6, 400)
    control = findings(predictions(np.repeat(whole[:1], 6, axis=0)), ("repeat",))
    kernel, both = (findings(predictions(whole), sources) for sources in (("kernel",), ("init", "order")))
    arms = {"none": control, "kernel": kernel, "both": both}
    assert primary_arm_of(arms) == "both"
    assert "(arm both, 6 repeats" in verdict(arms)[0]
    assert "intervals hold for new trainings that differ in init and order alone and new" in verdict(arms)[-1]
    assert "intervals hold for new trainings and new" in verdict({"all": findings(predictions(whole))})[-1]
    assert primary_arm_of({"all": control, "kernel": kernel}) == "kernel"
    (text,) = verdict({"none": control})
    assert "No verdict" in text


def test_a_large_study_takes_seconds() -> None:
    """20 models of 5 exits on 5,000 samples, a second or two on an idle machine."""
    repeats = predictions(by_difficulty(20, 5_000, exits=5))
    began = time.perf_counter()
    findings(repeats)
    assert time.perf_counter() - began < 30


def test_ensembles_without_logits_are_named() -> None:
    margin_REN = WORLDS["correlated"](300, np.random.default_rng(0)).margins(5, np.random.default_rng(1))
    with_logits, without = (
        verdict({"all": findings(predictions_of(margin_REN, keep_logits=keep))})[0] for keep in (True, False)
    )
    assert "chosen per sample on 2 of 5 trainings changes accuracy in the others" in with_logits
    assert "once 5 are averaged" in with_logits
    assert "once the confidences of 5 are averaged (logits of test data are not stored)" in without


def test_the_table_says_where_confidences_are_averaged_instead_of_the_softmax() -> None:
    margin_REN = WORLDS["correlated"](300, np.random.default_rng(0)).margins(5, np.random.default_rng(1))
    arms = {
        name: findings(predictions_of(margin_REN, keep_logits=keep)) for name, keep in (("all", True), ("init", False))
    }
    assert "no logits" not in arms_grid({"all": arms["all"]}).caption
    assert "the confidences instead where logits of test data are not stored (init)." in arms_grid(arms).caption


def test_what_no_two_trainings_share_is_no_lift_of_0() -> None:
    """Three trainings overthink two samples of a hundred each, all different: 0.04 would be in common by chance."""
    correct_REN = np.ones((3, 2, 100), dtype=bool)
    for one in range(3):
        correct_REN[one, 1, 2 * one : 2 * one + 2] = False
    said = " ".join(verdict({"all": found(correct_REN)}))
    assert "No sample that two trainings overthink was seen (final)" in said
    assert "would have 0.04 in common" in said
