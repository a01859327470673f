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


def found(correct_REN: BoolArray) -> Findings:
    return findings(predictions(correct_REN))


def test_what_one_arm_says() -> None:
    correct_REN = by_difficulty(5, 200)
    said = found(correct_REN)
    assert (said.repeats, said.samples, said.same) == (5, 200, False)
    assert [one.mean.mean for one in said.accuracy_E] == pytest.approx(correct_REN.mean(axis=(0, 2)).tolist())
    assert said.oracle.mean.mean == pytest.approx(correct_REN.any(axis=1).mean())
    assert said.final.times.sum() == 200
    assert said.depth_RE.sum(axis=1) == pytest.approx(np.ones(5))


def test_repeats_must_be_of_one_kind() -> None:
    repeats = predictions(by_difficulty(3, 50))
    with pytest.raises(ValueError, match="different samples"):
        findings([*repeats, *predictions(by_difficulty(1, 60))])
    with pytest.raises(ValueError, match="3 and 2 exits"):
        findings([*repeats, *predictions(by_difficulty(1, 50, exits=2))])


def test_words_for_difficulty_alone() -> None:
    """Overthinking that difficulty makes: partly the sample's, repeated, and not tied."""
    said = " ".join(verdict({"all": found(by_difficulty(16, 3000))}))
    assert "depends mostly on the training, not on the sample" in said
    assert "Difficulty alone explains it" in said
    assert "Exits of one network do not differ significantly from exits of different runs" in said
    assert "The thesis conjectures" in said


def test_words_for_coins() -> None:
    said = " ".join(verdict({"all": found(independent(12, 2000, np.array([0.5, 0.6, 0.7])))}))
    assert "mostly on the training" in said
    assert "This does not differ significantly from chance" in said


def test_words_for_a_network_with_one_exit() -> None:
    """It cannot overthink: no share is 0 or 100%, and no exits are coupled."""
    alone = found(by_difficulty(4, 100, exits=1))
    said = verdict({"all": alone})
    assert said[0] == "There is no any-later overthinking (arm all, 4 repeats, 100 test samples)."
    assert not any("variance" in text for text in said)
    assert arms_grid({"all": alone}).rows[0][6] == "-"
    assert study_page("one exit", {"all": alone}).count("<table") == 2


@pytest.mark.parametrize(
    "sample_share, words",
    [
        (Interval(0.5, 0.4, 0.6), "about equally on the sample and on the training"),
        (Interval(0.07, -0.53, 0.67), "It is undecided"),
        (Interval(0.3, 0.05, 0.55), "It is undecided"),
        (Interval(0.3, 0.2, 0.4), "mostly on the training"),
    ],
)
def test_sample_or_training_takes_a_narrow_interval(sample_share: Interval, words: str) -> None:
    said = found(by_difficulty(3, 100))
    split = said.any_later.split._replace(sample_share=sample_share)
    assert words in verdict({"all": said._replace(any_later=said.any_later._replace(split=split))})[0]


def test_no_interval_says_what_cannot_be() -> None:
    said = found(by_difficulty(3, 60))
    wide = Interval(0.9, -0.64, 1.31)
    split = said.any_later.split._replace(sample_share=wide)
    overlap = said.final.overlap._replace(lift=wide)  # type: ignore[union-attr]
    said = said._replace(any_later=said.any_later._replace(split=split), final=said.final._replace(overlap=overlap))
    words = " ".join(verdict({"all": said}))
    assert "10.0% [0.0, 100.0] of its variance" in words
    assert "0.90 times [0.00, 1.31]" in words
    row = arms_grid({"all": said}).rows[0]
    assert row[6:] == ("90.0\n[0, 100]", "0.90\n[0.0, 1.3]")
    assert not any("[" in cell for cell in row[2:5])  # a deviation of three


def test_words_for_tied_exits_and_for_too_few() -> None:
    assert "Exits of one network are coupled" in " ".join(verdict({"all": found(tied(8, 500))}))
    few = " ".join(verdict({"all": found(by_difficulty(2, 100))}))
    assert "Too few repeats to decide" in few


def test_a_control_never_speaks_for_a_study() -> None:
    """Without an arm `all`, the arm in which most varies speaks, wherever it stands; with controls alone, nobody."""
    whole = by_difficulty(6, 400)
    control = findings(predictions(np.repeat(whole[:1], 6, axis=0)), ("repeat",))
    kernel, both = (findings(predictions(whole), sources) for sources in (("kernel",), ("init", "order")))
    arms = {"none": control, "kernel": kernel, "both": both}
    assert primary_arm_of(arms) == "both"
    assert "(arm both, 6 repeats" in verdict(arms)[0]
    assert primary_arm_of({"all": control, "kernel": kernel}) == "kernel"
    (said,) = verdict({"none": control})
    assert "No verdict" in said


def test_a_study_of_fifty_large_models_takes_seconds() -> None:
    """50 models of 5 exits on 10,000 samples: well below half a minute, and without a third of a gigabyte."""
    repeats = predictions(by_difficulty(50, 10_000, exits=5))
    began = time.perf_counter()
    findings(repeats)
    assert time.perf_counter() - began < 60
